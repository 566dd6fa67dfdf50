/** One connection as the broker sees it: whom it acts for, and what it must give back when it ends. */
import { Failure } from '../protocol/failures.ts';
import type { Door, Kind } from '../protocol/model.ts';
import type { Caller } from '../protocol/wire.ts';
import type { LoopGuard, Policy } from './policy.ts';
import type { Blobs, Clock, Ids, Processes, Store, Wake } from './ports.ts';
import type { AgentId, AgentRecord, Compose, Posted, Posting, Refusal, SessionRecord } from './records.ts';
import type { PresenceBook } from './presence.ts';

/** What the daemon adds to the broker's own knowledge in `daemon.*`. */
export interface DaemonControl {
  status(): {
    readonly pid: number;
    readonly version: string;
    readonly protocol: number;
    readonly startedAt: number;
    readonly home: string;
    readonly socket: string;
    readonly connections: number;
    readonly memoryBytes: number;
  };
  stop(reason: string): void;
  reload(): Promise<void>;
}

/** Everything a handler may use. */
export interface BrokerParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  readonly control: DaemonControl;
  /** Read anew on each use, so that a reload of the configuration takes effect at once. */
  readonly policy: () => Policy;
  /** A message came that wants a timer: call `tend` at this wall-clock time at the latest. */
  readonly due: (at: number) => void;
}

/** The parts, and what the broker makes of them once for all sessions. */
export interface Desk extends BrokerParts {
  readonly presence: PresenceBook;
  readonly guard: LoopGuard;
  readonly compose: Compose;
  readonly post: (posting: Posting) => Promise<Posted>;
  /** Every open session: what changes an agent changes it for all that act for it. */
  readonly sessions: Set<Session>;
}

export class Session {
  readonly id: string;
  readonly caller: Caller;
  readonly borrowed: boolean;
  agent: AgentRecord | null;
  /** What each reader of this connection has leased and not confirmed: given back when it breaks. */
  readonly #leased = new Map<string, Set<string>>();

  constructor(facts: { id: string; caller: Caller; agent: AgentRecord | null; borrowed: boolean }) {
    this.id = facts.id;
    this.caller = facts.caller;
    this.agent = facts.agent;
    this.borrowed = facts.borrowed;
  }

  /** What it sends is stamped with this kind: an agent's shell commands are the agent's. */
  get kind(): Kind {
    return this.agent?.kind === 'agent' ? 'agent' : this.caller.kind;
  }

  /** The agent it acts for. Throws `not_registered`. */
  acting(): AgentRecord {
    if (this.agent === null) throw new Failure('not_registered', 'this session acts for nobody yet');
    return this.agent;
  }

  /** Whose past it may read. Throws `not_allowed` when it asks for everybody's and is no person. */
  viewer(everyone: boolean | undefined): AgentId | null {
    if (everyone !== true) return this.acting().id;
    if (this.kind !== 'human')
      throw new Failure(
        'not_allowed',
        `only a person may read everybody's messages, found kind ${this.kind}`,
      );
    return null;
  }

  /** As others see it while it stays. */
  seat(
    role: 'holder' | 'satellite',
    doors: readonly Door[],
  ): Omit<SessionRecord, 'since' | 'activeAt' | 'idle'> {
    const { client, pid, directory, project, branch } = this.caller;
    return {
      id: this.id,
      agent: this.acting().id,
      role,
      client,
      doors,
      pid,
      directory: directory ?? null,
      project: project ?? null,
      branch: branch ?? null,
    };
  }

  leased(reader: string, ids: readonly string[]): void {
    const open = this.#leased.get(reader) ?? new Set();
    for (const id of ids) open.add(id);
    if (open.size > 0) this.#leased.set(reader, open);
  }

  settled(reader: string, ids: readonly string[]): void {
    const open = this.#leased.get(reader);
    if (open === undefined) return;
    for (const id of ids) open.delete(id);
    if (open.size === 0) this.#leased.delete(reader);
  }

  /** Readers that still have something leased. */
  get unsettled(): readonly string[] {
    return [...this.#leased.keys()];
  }
}

/** After a rename or a removal: every session that acts for the agent knows it at once. */
export function retell(
  desk: Desk,
  agent: AgentId,
  becomes: (record: AgentRecord) => AgentRecord | null,
): void {
  for (const session of desk.sessions) {
    if (session.agent?.id === agent) session.agent = becomes(session.agent);
  }
}

/** The store's "no" as the failure it names. */
export function refusal(outcome: Refusal): Failure {
  return new Failure(
    outcome.code,
    outcome.message,
    outcome.details === undefined ? {} : { details: outcome.details },
  );
}

/** The good half of an outcome. Throws the failure the store named. */
export function granted<T>(outcome: ({ readonly ok: true } & T) | Refusal): T {
  if (!outcome.ok) throw refusal(outcome);
  return outcome;
}
