/**
 * What the core needs of the world, as small interfaces of its own. `core/` decides; it does no I/O,
 * reads no clock and knows no engine: no SQL here, no path, no process. An engine is whatever passes
 * `test/contract/` (design §3).
 *
 * Rules of the Store: every method is one atomic step; a promise resolves only when its effect is
 * durable (a lease alone may be lost in a power failure, as its reader is); all times come in with the
 * call. `now` is wall-clock milliseconds (lifetimes), `mono` milliseconds of a clock that never jumps
 * and survives restarts of the daemon (leases).
 */
import type { BlobRef, StagedBlob } from '../protocol/model.ts';
import type { AgentName } from '../protocol/names.ts';
import type {
  AgentId,
  Anchor,
  Entrance,
  Entered,
  Claim,
  Claimed,
  SessionRecord,
  AgentProfile,
} from './records/agents.ts';
import type { Outcome } from './outcome.ts';
import type {
  Cursor,
  StoredDelivery,
  Fetch,
  Fetched,
  Confirmation,
  PastQuery,
  PastRecord,
} from './records/reading.ts';
import type { Imported, ImportedMessage } from './records/importing.ts';
import type { Posting, Posted } from './records/sending.ts';
import type { NoticeText, Compose, Sweep, Swept, StoreFacts } from './records/upkeep.ts';

export interface Store {
  enter(entrance: Entrance): Promise<Outcome<Entered>>;
  claim(claim: Claim): Promise<Claimed>;
  rename(change: {
    agent: AgentId;
    name: AgentName;
    until: number;
    tellSince: number;
    notice: NoticeText;
    now: number;
  }): Promise<Outcome<{ from: string; told: number; wake: readonly AgentId[] }>>;
  describe(change: { agent: AgentId; about?: string; prompted: boolean; now: number }): Promise<void>;
  /** Open requests handed to it and not yet reminded of; tells their senders too. Once each. */
  remind(step: {
    agent: AgentId;
    now: number;
    compose: Compose;
  }): Promise<{ ids: readonly string[]; wake: readonly AgentId[] }>;
  /** `beside`: these, people, and whoever may be here; of thousands that were ever here they are few. */
  agents(query: {
    name: AgentName | null;
    beside?: readonly AgentId[];
    now: number;
  }): Promise<readonly AgentProfile[]>;
  remove(step: {
    name: AgentName;
    force: boolean;
    /** An anchor the caller found dead. */
    deadAnchor: Anchor | null;
    now: number;
  }): Promise<Outcome<{ agent: AgentId; name: string; discarded: number }>>;

  attach(session: SessionRecord, until: number): Promise<void>;
  /** Also gives back, at once, what a reader of this id had leased. */
  detach(step: { session: string; now: number }): Promise<void>;
  /** Keeps sessions alive to `until`; any session past its time is gone. */
  heartbeat(step: {
    sessions: readonly { id: string; activeAt: number; idle: boolean }[];
    until: number;
    now: number;
  }): Promise<void>;
  /** A reader whose connection broke gives back its leases; they come again, marked. */
  abandon(step: { reader: string }): Promise<readonly AgentId[]>;

  join(step: { agent: AgentId; topic: AgentName; now: number }): Promise<readonly string[]>;
  leave(step: { agent: AgentId; topic: AgentName }): Promise<boolean>;
  topics(query: {
    viewer: AgentId | null;
  }): Promise<readonly { topic: string; members: readonly string[]; joined: boolean }[]>;

  /** `until: null` lifts the pause; Infinity pauses until lifted. */
  pause(step: {
    agent: AgentId;
    until: number | null;
    now: number;
  }): Promise<{ released: number; wake: readonly AgentId[] }>;
  mute(step: {
    agent: AgentId;
    name: AgentName;
    muted: boolean;
    now: number;
  }): Promise<Outcome<{ released: number; wake: readonly AgentId[] }>>;
  /** Lets held messages through and ends their chains; both null: all that is held. */
  release(step: {
    id: string | null;
    name: AgentName | null;
    now: number;
  }): Promise<Outcome<{ released: number; wake: readonly AgentId[] }>>;

  /** One result for each posting, in order; a refused one does not touch the others. */
  send(batch: readonly Posting[]): Promise<readonly Posted[]>;
  /** Takes over what another system had; what was taken over before, or is here already, is passed over. */
  import(step: { messages: readonly ImportedMessage[]; now: number }): Promise<Imported>;
  /** Those of the ids that an import would pass over. */
  imported(ids: readonly string[]): Promise<readonly string[]>;
  fetch(fetch: Fetch, compose: Compose): Promise<Fetched>;
  confirm(confirmation: Confirmation): Promise<{ confirmed: readonly string[]; lost: readonly string[] }>;
  ack(step: {
    agent: AgentId;
    ids: readonly string[];
    now: number;
  }): Promise<{ acked: readonly string[]; unknown: readonly string[] }>;
  cancel(step: {
    sender: AgentId;
    id: string;
    now: number;
  }): Promise<Outcome<{ cancelled: readonly string[]; late: readonly string[] }>>;
  clear(step: { agent: AgentId; now: number }): Promise<{ cleared: number }>;
  /** What arrived after the cursor and may be shown now, in order of arrival; null: for everybody. */
  arrivals(query: {
    agent: AgentId | null;
    after: Cursor;
    limit: number;
    unreadOnly: boolean;
    /** As with a fetch. */
    by?: 'person';
    now: number;
  }): Promise<readonly StoredDelivery[]>;
  /** The newest cursor given out. */
  frontier(): Promise<Cursor>;
  past(query: PastQuery): Promise<readonly PastRecord[]>;
  search(query: {
    viewer: AgentId | null;
    text: string;
    limit: number;
  }): Promise<Outcome<{ found: readonly PastRecord[] }>>;

  sweep(sweep: Sweep, compose: Compose): Promise<Swept>;
  facts(): Promise<StoreFacts>;
  /** Problems found, in words; empty when all is well. */
  verify(): Promise<{ problems: readonly string[]; blobs: readonly string[] }>;
  /** Copies the store, in use, to a new file. */
  backup(name: string): Promise<{ path: string; bytes: number; blobs: readonly string[] }>;
  close(): Promise<void>;
}

/** Bytes by content. A client stages a file; a send adopts it; the sweep lets it go. */
export interface Blobs {
  /** Refuses with `no_such_file` or `invalid_data` (another size). Adopting one already there is fine. */
  adopt(staged: StagedBlob): Promise<Outcome<{ readonly blob: BlobRef }>>;
  path(sha256: string): string;
  /** Whether the file of a message is there, whole in size. */
  holds(blob: Pick<BlobRef, 'sha256' | 'size'>): boolean;
  missing(sha256s: readonly string[]): Promise<readonly string[]>;
  discard(sha256s: readonly string[]): Promise<void>;
  /** Staged files nobody sent within a day. */
  sweep(now: number): Promise<void>;
}

/** Wake-ups are hints: a woken reader looks into the store (design §3 "commit, then tell"). */
export interface Wake {
  publish(agents: readonly AgentId[]): void;
  /** Called on every hint for the agent; null: on any. Returns the way to stop. */
  subscribe(agent: AgentId | null, listener: () => void): () => void;
}

export interface Clock {
  now(): number;
  mono(): number;
  /** Runs once after so many milliseconds; returns the way to call it off. */
  after(milliseconds: number, run: () => void): () => void;
  /** Runs once the events already waiting have been taken in: the edge of a batch. */
  turn(run: () => void): void;
}

export interface Ids {
  /** UUIDv7. */
  message(): string;
  /** Always the same id for the same words: notices that must not double. */
  derived(...words: readonly string[]): string;
  /** SHA-256: the form in which a credential is kept. */
  hash(text: string): Uint8Array;
}

/** Whether the process an anchor names is still the one it was. */
export interface Processes {
  alive(anchor: Anchor): boolean;
}
