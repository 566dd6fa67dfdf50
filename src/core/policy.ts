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

/** A message to more than the fan-out counts once for each so many; the rest is owed. */
function weightOf(recipients: number, fanOut: number): number {
  return Math.max(1, Math.ceil(recipients / Math.max(1, fanOut)));
}

/**
 * Who sends as much as an agent may, without a rest in which its allowance fills again and with no word from a
 * person, is held after so many bursts (by default after two minutes): of a hundred who answer one another
 * nobody ever goes deep, the first few messages keep everybody busy.
 */
const TIRELESS_BURSTS = 5;

interface Meter {
  tokens: number;
  filledAt: number;
  /** Tokens it took since it last had all, or a person said a word. */
  taken: number;
  /** The word of a person (records/sending.ts) with which began what it sent last. */
  word: number;
  /** Content sent lately: what, and the id it had. */
  recent: { readonly content: string; readonly id: string; readonly at: number }[];
}

function take(meter: Meter, limits: Policy['guard']): void {
  if (meter.tokens < 1) {
    const seconds = Math.ceil(((1 - meter.tokens) * MINUTE) / limits.ratePerMinute / 1000);
    throw new Failure(
      'rate_limited',
      `agents may send ${limits.ratePerMinute} messages a minute (${limits.burst} at once); try again in ${seconds} s`,
      { details: { retryAfterSeconds: seconds } },
    );
  }
  meter.tokens -= 1;
  meter.taken += 1;
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
    take(meter, limits);
    meter.recent.push({ content: message.content, id: message.id, at: now });
  }

  /** The word after which it has sent without a rest for too long; null: it has not. */
  tireless(sender: AgentId, limits: Policy['guard']): number | null {
    const meter = this.#meters.get(sender);
    if (meter === undefined || meter.taken <= TIRELESS_BURSTS * limits.burst) return null;
    return meter.word;
  }

  /** What was admitted is stored. */
  sent(
    sender: AgentId,
    { word, recipients, limits }: { word: number; recipients: number; limits: Policy['guard'] },
  ): void {
    const meter = this.#meters.get(sender);
    if (meter === undefined) return;
    const more = weightOf(recipients, limits.fanOut) - 1;
    meter.tokens -= more;
    meter.taken = meter.word === word ? meter.taken + more : 1 + more;
    meter.word = word;
  }

  /** For what costs others as much as a message does. Throws `rate_limited`. */
  spend(sender: AgentId, limits: Policy['guard']): void {
    take(this.#meter(sender, this.#clock.mono(), limits), limits);
  }

  /** Who takes another name goes on with the allowance of the one before. */
  follow(former: AgentId, agent: AgentId): void {
    const meter = this.#meters.get(former);
    if (meter === undefined || former === agent) return;
    const tokens = Math.min(meter.tokens, this.#meters.get(agent)?.tokens ?? Infinity);
    this.#meters.set(agent, { ...meter, tokens });
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
      const fresh: Meter = { tokens: limits.burst, filledAt: now, taken: 0, word: 0, recent: [] };
      this.#meters.set(sender, fresh);
      return fresh;
    }
    const earned = ((now - known.filledAt) * limits.ratePerMinute) / MINUTE;
    known.tokens = Math.min(limits.burst, known.tokens + earned);
    known.filledAt = now;
    if (known.tokens >= limits.burst) known.taken = 0;
    return known;
  }
}
