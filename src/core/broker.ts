/**
 * The broker: every operation of the table, answered for one caller at a time. It decides who may do
 * what and in which words the answer is truthful; what must be atomic it asks of the store as one
 * step (design §3).
 *
 * `core/` knows the protocol and its own ports. It does no I/O, reads no clock, knows no engine, no
 * socket and no process.
 */
import { Failure } from '../protocol/failures.ts';
import type { Kind } from '../protocol/model.ts';
import type { Handlers } from '../protocol/operations.ts';
import { parseOwnName } from '../protocol/names.ts';
import type { Caller, Credential } from '../protocol/wire.ts';
import { KernelHosts, type AskHost, type Provider } from './kernels.ts';
import { batched } from './batch.ts';
import { directoryHandlers } from './directory.ts';
import { HeldNotices } from './held-notices.ts';
import { Kin } from './kin.ts';
import { composer } from './notices.ts';
import { NotifierTurns, noticeHandlers } from './notifier.ts';
import { LoopGuard } from './policy.ts';
import { PresenceBook } from './presence.ts';
import { pastHandlers } from './past.ts';
import { readingHandlers } from './reading.ts';
import { sendingHandlers } from './sending.ts';
import type { BrokerParts, Desk } from './desk.ts';
import { granted } from './outcome.ts';
import { Session } from './session.ts';
import { upkeepHandlers } from './upkeep.ts';

/** A share holds up whoever sends meanwhile: some milliseconds. */
const SWEEP_ROWS = 100;
const KEY = /^[A-Za-z0-9_-]{43}$/;

export interface Opening {
  readonly caller: Caller;
  readonly credential?: Credential | undefined;
  readonly borrowed?: boolean | undefined;
  /** How this session's process is asked something. */
  readonly ask?: AskHost | undefined;
}

export interface OpenSession {
  readonly handlers: Handlers;
  readonly created: boolean;
  /** The name it acts for now; undefined before `register`. */
  agentName(): string | undefined;
  kind(): Session['kind'];
  /** The host of a kernel; of the only one when no name is given. Throws when it may not be asked. */
  provider(kernel: string | undefined): Promise<Provider>;
  /** `gone`: the peer went; its leases are given back. `drain`: the daemon goes; they run on. */
  close(reason: 'gone' | 'drain'): Promise<void>;
}

export class Broker {
  readonly #desk: Desk;

  constructor(parts: BrokerParts) {
    this.#desk = {
      ...parts,
      presence: new PresenceBook(parts),
      turns: new NotifierTurns(),
      kernels: new KernelHosts(parts.store),
      guard: new LoopGuard(parts.clock),
      kin: new Kin(),
      heldNotices: new HeldNotices(parts),
      compose: composer(parts.ids),
      post: batched((batch) => parts.store.send(batch)),
      sessions: new Set(),
    };
  }

  /** Lets a session in. Throws `credential_refused`, `name_forwarding` or `invalid_name`. */
  async open({ caller, credential, borrowed, ask }: Opening): Promise<OpenSession> {
    const desk = this.#desk;
    const own = borrowed !== true;
    const entered = credential === undefined ? null : await this.#enter(caller, credential, { own });
    const id = desk.ids.message();
    const session = new Session({
      id,
      caller,
      agent: entered?.agent ?? null,
      borrowed: borrowed === true,
      askHost: ask,
    });
    desk.sessions.add(session);
    if (session.agent !== null) desk.kin.note(caller.program, session.agent.id);
    const handlers: Handlers = {
      ...directoryHandlers(desk, session),
      ...noticeHandlers(desk, session),
      ...pastHandlers(desk, session),
      ...readingHandlers(desk, session),
      ...sendingHandlers(desk, session),
      ...upkeepHandlers(desk),
    };
    return {
      // Whatever a session calls shows that it is active.
      get handlers() {
        desk.presence.touch(id);
        return handlers;
      },
      created: entered?.created === true,
      agentName: () => session.agent?.name,
      kind: () => session.kind,
      provider: (kernel) => {
        desk.presence.touch(id);
        return desk.kernels.provider(kernel, session, desk.clock.now());
      },
      close: (reason) => this.#close(session, reason),
    };
  }

  /** What time brings: expiry, delays, ends of pauses, retention, heartbeats. Call when due. */
  async tend(): Promise<{ readonly more: boolean; readonly nextDueAt: number | null }> {
    const { store, blobs, clock, presence, guard, compose, wake } = this.#desk;
    const policy = this.#desk.policy();
    await presence.beat();
    guard.sweep(policy.guard);
    const now = clock.now();
    const swept = await store.sweep(
      {
        now,
        mono: clock.mono(),
        keepSince: now - policy.retentionMs,
        keepNewest: policy.keepNewest,
        autoNamedSince: now - policy.autoNamedMs,
        limit: SWEEP_ROWS,
      },
      compose,
    );
    wake.publish(swept.wake);
    if (swept.orphans.length > 0) await blobs.discard(swept.orphans);
    const beat = presence.dueInMs;
    const beatAt = beat === null ? null : now + beat;
    const next = Math.min(swept.nextDueAt ?? Infinity, beatAt ?? Infinity);
    return { more: swept.more, nextDueAt: Number.isFinite(next) ? next : null };
  }

  async #enter(caller: Caller, credential: Credential, { own }: { own: boolean }) {
    const name = parseOwnName(credential.name);
    if (!KEY.test(credential.key)) {
      throw new Failure('credential_refused', 'wanted a key of 256 bits in base64url, found something else');
    }
    const keyHash = this.#desk.ids.hash(credential.key);
    const now = this.#desk.clock.now();
    const entered = granted(await this.#desk.store.enter({ name, keyHash, kind: caller.kind, own, now }));
    const { agent } = entered;
    if (sameRealm(agent.kind, caller.kind)) return entered;
    if (agent.kind === 'kernel' || caller.kind === 'kernel') {
      throw new Failure(
        'credential_refused',
        agent.kind === 'kernel'
          ? `${agent.name} is a kernel: only its host acts under that name`
          : `wanted the name of a kernel, found ${agent.name}, of kind ${agent.kind}`,
      );
    }
    throw new Failure(
      'credential_refused',
      agent.kind === 'webhook'
        ? `${agent.name} is a webhook: only what is posted to it is sent under that name`
        : `wanted the name of a webhook, found ${agent.name}, of kind ${agent.kind}`,
    );
  }

  async #close(session: Session, reason: 'gone' | 'drain'): Promise<void> {
    const { store, presence, wake, sessions, kernels } = this.#desk;
    session.closed = true;
    sessions.delete(session);
    kernels.leave(session);
    await presence.leave(session.id);
    if (reason === 'drain') return;
    for (const reader of session.unsettled) wake.publish(await store.abandon({ reader }));
  }
}

/** Webhooks and kernels act under names of their own kind, and nobody else under theirs. */
function sameRealm(agent: Kind, caller: Kind): boolean {
  return (['webhook', 'kernel'] as const).every((kind) => (agent === kind) === (caller === kind));
}
