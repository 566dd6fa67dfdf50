/** Messages and deliveries as the store gives them out, and what is asked of it for that. */
import type { BlobRef, DeliveryState, Door, Intent, Kind, Priority } from '../../protocol/model.ts';
import type { Address, AgentName } from '../../protocol/names.ts';
import type { AgentId } from './agents.ts';
import type { PostedBlob } from './sending.ts';

/** Place in the order of arrival; grows. A message held or delayed gets its place when it is let through. */
export type Cursor = number;

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
  /** Taken over from another system: handed over when asked for, and pushed by no door. */
  readonly imported: boolean;
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
  /** A person looks into the mailbox: the agent itself has read nothing by that. */
  readonly by?: 'person';
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
  readonly agent: AgentId;
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
  /** Of the recipient, whatever this message came by. */
  readonly confirmedDoors: readonly Door[];
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
