/**
 * records/: what crosses the ports of the core, as plain data; rules about it stand at the ports
 * themselves. In everything here `now` is wall-clock milliseconds (lifetimes), `mono` milliseconds of
 * a clock that never jumps and survives restarts of the daemon (leases).
 *
 * Agents and sessions, and the steps by which a name is entered or taken.
 */
import type { Door, Kind } from '../../protocol/model.ts';
import type { AgentName } from '../../protocol/names.ts';
import type { Outcome } from '../outcome.ts';

/** Identity of an agent; survives renames. */
export type AgentId = number & { readonly agent: unique symbol };

export interface Anchor {
  readonly pid: number;
  readonly startedAt: string;
}

export interface AgentRecord {
  readonly id: AgentId;
  readonly name: AgentName;
  readonly kind: Kind;
  readonly pausedUntil: number | null;
  readonly about: string | null;
}

/** A command or session steps in under a name it has the key of; the name is made when it is free. */
export interface Entrance {
  readonly name: AgentName;
  readonly keyHash: Uint8Array;
  readonly kind: Kind;
  /** The name is the caller's own, not borrowed: where only scripts came so far, a person makes it theirs. */
  readonly own: boolean;
  readonly now: number;
}

export interface Entered {
  readonly agent: AgentRecord;
  readonly created: boolean;
}

/** Taking a name as its holder. `name: null` takes the next `agent-N` that was never in use. */
export interface Claim {
  readonly name: AgentName | null;
  readonly keyHash: Uint8Array;
  readonly kind: Kind;
  readonly about: string | null;
  readonly anchor: Anchor | null;
  /** The session that claims; its own earlier hold does not stand in the way. */
  readonly session: string;
  /** As others see the session from then on, when it is to hold the name; attached in the same step. */
  readonly hold: { readonly seat: Seat; readonly until: number } | null;
  /** An anchor the caller found dead: it no longer stands in the way, a newer one still does. */
  readonly deadAnchor: Anchor | null;
  /** Whom the caller acted for before: what they have read, it has read, under whatever name. */
  readonly kin: readonly AgentId[];
  readonly now: number;
}

/** Refused `name_live` with details `{ suggestion }`, and `{ pid, startedAt }` when an anchor holds it. */
export type Claimed = Outcome<{
  readonly agent: AgentRecord;
  readonly created: boolean;
  readonly waiting: number;
  readonly held: number;
}>;

export interface SessionRecord {
  readonly id: string;
  readonly agent: AgentId;
  readonly role: 'holder' | 'satellite';
  readonly client: string;
  readonly doors: readonly Door[];
  readonly pid: number | null;
  readonly directory: string | null;
  readonly project: string | null;
  readonly branch: string | null;
  readonly since: number;
  readonly activeAt: number;
  /** What the session itself last said, if it did. */
  readonly idle: boolean;
}

/** A session before it is known whose it is. */
export type Seat = Omit<SessionRecord, 'agent'>;

export interface AgentProfile extends AgentRecord {
  /** A name written to before anybody took it. */
  readonly unborn: boolean;
  readonly anchor: Anchor | null;
  readonly seenAt: number | null;
  readonly waiting: number;
  readonly held: number;
  readonly sessions: readonly SessionRecord[];
  readonly confirmedDoors: readonly Door[];
  readonly forwards: readonly string[];
  readonly topics: readonly string[];
}
