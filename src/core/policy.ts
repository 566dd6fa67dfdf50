/**
 * What is allowed how often, and how long things live (design §4–§6). The numbers are defaults that
 * `config.json` may change; the rules are here.
 */
import { Failure } from '../protocol/failures.ts';
import type { Clock } from './ports.ts';
import type { AgentId } from './records/agents.ts';

export interface Policy {
  /** From fetch to confirmation; then the message is offered again. */
  readonly leaseMs: number;
  /** Hand-overs that may fail before a message is dead. */
  readonly maxAttempts: number;
  readonly forwardMs: number;
  /** How long mail for a name nobody took is kept. */
  readonly unbornMs: number;
  readonly retentionMs: number;
  /** Rolling window of finished messages for one agent; null: none. */
  readonly keepNewest: number | null;
  readonly autoNamedMs: number;
  /** `@all` reaches who was seen this recently. */
  readonly allSeenMs: number;
  readonly quotas: { readonly mailbox: number; readonly unbornMailbox: number; readonly unbornNames: number };
  /** For senders of kind `agent`; others have quotas only. */
  readonly guard: {
    readonly ratePerMinute: number;
    readonly burst: number;
    readonly repeatMs: number;
    readonly depth: number;
    readonly fanOut: number;
  };
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const defaultPolicy: Policy = {
  leaseMs: 30_000,
  maxAttempts: 5,
  forwardMs: 120 * MINUTE,
  unbornMs: 7 * DAY,
  retentionMs: 30 * DAY,
  keepNewest: null,
  autoNamedMs: DAY,
  allSeenMs: DAY,
  quotas: { mailbox: 100_000, unbornMailbox: 10_000, unbornNames: 1_000 },
  guard: { ratePerMinute: 60, burst: 30, repeatMs: 10_000, depth: 30, fanOut: 10 },
};

interface Meter {
  tokens: number;
  filledAt: number;
  /** Content sent lately: what, and the id it had. */
  recent: { readonly content: string; readonly id: string; readonly at: number }[];
}

/**
 * Rate and repeat limits of senders of kind `agent`. Kept in memory: a restart of the daemon forgets
 * it, which errs on the side of letting a message through. The chain depth, which must not be
 * forgotten, is the store's.
 */
export class LoopGuard {
  readonly #meters = new Map<AgentId, Meter>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `rate_limited` or `repeated`; a resend with the same id is neither. */
  admit(sender: AgentId, message: { id: string; content: string }, limits: Policy['guard']): void {
    const now = this.#clock.mono();
    const meter = this.#meter(sender, now, limits);
    meter.recent = meter.recent.filter((sent) => now - sent.at < limits.repeatMs);
    const same = meter.recent.find((sent) => sent.content === message.content);
    if (same?.id === message.id) return;
    if (same !== undefined) {
      const seconds = Math.ceil((limits.repeatMs - (now - same.at)) / 1000);
      throw new Failure(
        'repeated',
        `the same text went to the same recipients ${Math.round((now - same.at) / 1000)} s ago`,
        {
          hint: `ipc receipts ${same.id}`,
          details: { retryAfterSeconds: seconds, id: same.id },
        },
      );
    }
    if (meter.tokens < 1) {
      const seconds = Math.ceil(((1 - meter.tokens) * MINUTE) / limits.ratePerMinute / 1000);
      throw new Failure(
        'rate_limited',
        `agents may send ${limits.ratePerMinute} messages a minute (${limits.burst} at once); try again in ${seconds} s`,
        { details: { retryAfterSeconds: seconds } },
      );
    }
    meter.tokens -= 1;
    meter.recent.push({ content: message.content, id: message.id, at: now });
  }

  /** The store refused it: it was not sent, so the same text may come again (with `--go`, say). */
  forget(sender: AgentId, id: string): void {
    const meter = this.#meters.get(sender);
    if (meter === undefined) return;
    const others = meter.recent.filter((sent) => sent.id !== id);
    if (others.length < meter.recent.length) meter.tokens += 1;
    meter.recent = others;
  }

  /** Forgets senders who have been quiet long enough to have a full allowance. */
  sweep(limits: Policy['guard']): void {
    const quiet = Math.max(limits.repeatMs, (limits.burst / limits.ratePerMinute) * MINUTE);
    for (const [agent, meter] of this.#meters) {
      if (this.#clock.mono() - meter.filledAt > quiet) this.#meters.delete(agent);
    }
  }

  #meter(sender: AgentId, now: number, limits: Policy['guard']): Meter {
    const known = this.#meters.get(sender);
    if (known === undefined) {
      const fresh: Meter = { tokens: limits.burst, filledAt: now, recent: [] };
      this.#meters.set(sender, fresh);
      return fresh;
    }
    const earned = ((now - known.filledAt) * limits.ratePerMinute) / MINUTE;
    known.tokens = Math.min(limits.burst, known.tokens + earned);
    known.filledAt = now;
    return known;
  }
}
