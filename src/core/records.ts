/**
 * What crosses the ports of the core: records of agents, messages and deliveries, and what is asked of
 * the store. Plain data; rules about it stand at the ports themselves.
 *
 * In everything here `now` is wall-clock milliseconds (lifetimes), `mono` milliseconds of a clock that
 * never jumps and survives restarts of the daemon (leases).
 */
import type { FailureCode } from '../protocol/failures.ts';
import type { BlobRef, DeliveryState, Door, Intent, Kind, Priority } from '../protocol/model.ts';
import type { Address, AgentName } from '../protocol/names.ts';

/** Identity of an agent; survives renames. */
export type AgentId = number & { readonly agent: unique symbol };
/** Place in the order of arrival; grows. A message held or delayed gets its place when it is let through. */
export type Cursor = number;

/** `no`: policy or state forbids the step; nothing was changed. */
export interface Refusal {
  readonly ok: false;
  readonly code: FailureCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}
export type Outcome<T> = ({ readonly ok: true } & T) | Refusal;

export interface Anchor {
  readonly pid: number;
  readonly startedAt: string;
}

// ---- agents and sessions -------------------------------------------------------------------------

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

/** Words of a notice the store writes in the same step as its cause; `id` makes a repeat harmless. */
export interface NoticeText {
  readonly id: string;
  readonly body: string;
}

// ---- sending ---------------------------------------------------------------------------------------

export interface PostedBlob extends BlobRef {
  readonly name?: string | undefined;
  readonly role?: 'file' | 'stdout' | 'stderr';
}

export interface Posting {
  readonly id: string;
  readonly sender: AgentId;
  /** Kind, client and directory as stamped on the message. */
  readonly provenance: {
    readonly kind: Kind;
    readonly verified: boolean;
    readonly client: string | null;
    readonly directory: string | null;
  };
  readonly to: readonly Address[];
  readonly body: string;
  readonly bodyBlob: BlobRef | null;
  readonly data: string | null;
  readonly attachments: readonly PostedBlob[];
  /** Null: that of `replyTo`, else a new thread named by the id. */
  readonly thread: string | null;
  /** `last`: the newest message handed to the sender by somebody else than the system. */
  readonly replyTo: string | 'last' | null;
  /** True: `to` is empty and the message goes to whoever sent `replyTo`, which it acknowledges. */
  readonly answers: boolean;
  readonly forwardOf: string | null;
  readonly intent: Intent;
  readonly priority: Priority;
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
  /** Kinds that `@all` reaches, and since when they must have been seen. */
  readonly all: { readonly kinds: readonly Kind[]; readonly seenSince: number; readonly limit: number };
  readonly limits: {
    readonly mailbox: number;
    readonly unbornMailbox: number;
    readonly unbornNames: number;
    readonly depth: number;
  };
  /** When a message to a name nobody ever took expires. */
  readonly unbornExpiresAt: number;
  /** Told to the people here when this message is held for its depth; null: nobody. */
  readonly heldNotice: NoticeText | null;
  readonly now: number;
}

export interface PostedTo {
  readonly agent: AgentId;
  readonly name: string;
  readonly asked: string;
  readonly state: DeliveryState;
  readonly reason: string | null;
  readonly forwarded: boolean;
  readonly unborn: boolean;
  readonly seenAt: number | null;
  readonly anchor: Anchor | null;
  readonly sessions: readonly SessionRecord[];
}

/** `wake`: whose mailboxes have something to show now (hints). */
export type Posted = Outcome<{
  readonly duplicate: boolean;
  readonly thread: string;
  readonly deliveries: readonly PostedTo[];
  readonly wake: readonly AgentId[];
}>;

// ---- reading ---------------------------------------------------------------------------------------

export interface StoredMessage {
  readonly id: string;
  readonly from: {
    readonly id: AgentId;
    readonly name: string;
    readonly kind: Kind;
    readonly verified: boolean;
    readonly client: string | null;
    readonly directory: string | null;
  };
  readonly to: readonly string[];
  readonly sentAt: number;
  readonly body: string;
  readonly bodyBlob: BlobRef | null;
  readonly data: string | null;
  readonly attachments: readonly PostedBlob[];
  readonly thread: string;
  readonly replyTo: string | null;
  readonly forwardOf: string | null;
  readonly intent: Intent;
  readonly priority: Priority;
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
}

export interface StoredDelivery {
  readonly message: StoredMessage;
  readonly recipient: string;
  readonly cursor: Cursor;
  /** Times it was leased, this one included; the fencing token. 0 for a peek at one never fetched. */
  readonly attempt: number;
  readonly offeredBy: readonly Door[];
}

export interface Fetch {
  readonly agent: AgentId;
  /** Null: a peek, nothing is leased and leased ones are shown too. */
  readonly lease: { readonly reader: string; readonly until: number; readonly maxAttempts: number } | null;
  readonly limit: number;
  /** Stops before the message with which the bodies would pass this sum; the first always fits. */
  readonly bytes: number;
  readonly from: AgentName | null;
  readonly thread: string | null;
  readonly replyTo: string | null;
  readonly after: Cursor;
  /** Asks for what a door of a model handed over since then and nobody has shown to be seen; the newest so many. */
  readonly unproven: { readonly since: number; readonly limit: number } | null;
  readonly now: number;
  readonly mono: number;
}
export interface Fetched {
  readonly deliveries: readonly StoredDelivery[];
  /** Unread and not in this answer, whoever leases them. */
  readonly remaining: number;
  readonly held: number;
  readonly pausedUntil: number | null;
  /** Newest first; empty when it was not asked for. */
  readonly unproven: readonly { readonly id: string; readonly door: Door }[];
}

export interface Confirmation {
  readonly agent: AgentId;
  readonly reader: string;
  readonly door: Door;
  readonly stage: 'offered' | 'handed' | 'seen';
  readonly deliveries: readonly { readonly id: string; readonly attempt: number }[];
  readonly now: number;
}

export interface ReceiptRecord {
  readonly to: string;
  readonly state: DeliveryState;
  readonly door: Door | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly offeredAt: number | null;
  readonly offeredBy: readonly Door[];
  readonly handedAt: number | null;
  readonly seenAt: number | null;
  readonly ackedAt: number | null;
  readonly endedAt: number | null;
}

/** `viewer: null` reads everybody's; otherwise only what the viewer sent or was sent. */
export interface PastQuery {
  readonly viewer: AgentId | null;
  readonly id: string | null;
  readonly with: Address | null;
  readonly thread: string | null;
  readonly state: DeliveryState | null;
  readonly sentByViewer: boolean;
  /** Newest first before this cursor (history) or oldest first after it (export). */
  readonly before: Cursor | null;
  readonly after: Cursor | null;
  readonly limit: number;
}
export interface PastRecord {
  readonly message: StoredMessage;
  readonly cursor: Cursor;
  readonly receipts: readonly ReceiptRecord[];
  readonly snippet: string | null;
}

// ---- upkeep ----------------------------------------------------------------------------------------

/** Why the store has to tell a sender or recipient something (design §2, §6). */
export type StoreEvent =
  | {
      readonly kind: 'expired' | 'dead';
      readonly messageId: string;
      readonly recipient: string;
      readonly unborn: boolean;
      readonly body: string;
    }
  | {
      readonly kind: 'unanswered';
      readonly messageId: string;
      readonly recipient: string;
      readonly body: string;
    }
  | { readonly kind: 'reminder'; readonly messageId: string; readonly sender: string; readonly body: string };
export type Compose = (event: StoreEvent) => NoticeText;

export interface Sweep {
  readonly now: number;
  readonly mono: number;
  /** Finished messages older than this go, unless somebody still waits for them. */
  readonly keepSince: number;
  /** At most so many finished messages are kept for one agent; null: no such window. */
  readonly keepNewest: number | null;
  /** Auto-named agents without mail not seen since go. */
  readonly autoNamedSince: number;
  /** At most so many rows are touched in one step, so that a send never waits long. */
  readonly limit: number;
}
export interface Swept {
  readonly wake: readonly AgentId[];
  readonly expired: number;
  readonly deleted: number;
  /** There is more to do now. */
  readonly more: boolean;
  /** Wall-clock time of the next notBefore, expiry or end of a pause. */
  readonly nextDueAt: number | null;
  /** Blobs no message refers to any longer. */
  readonly orphans: readonly string[];
}

export interface StoreFacts {
  readonly agents: number;
  readonly messages: number;
  readonly waiting: number;
  readonly held: number;
  readonly dead: number;
  readonly storeBytes: number;
  readonly walBytes: number;
  readonly schema: number;
}
