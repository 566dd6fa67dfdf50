/** A message on its way into the store, and what the store says it did with it. */
import type { BlobRef, DeliveryState, Intent, Kind, Priority } from '../../protocol/model.ts';
import type { Address } from '../../protocol/names.ts';
import type { Outcome } from '../outcome.ts';
import type { AgentId, Anchor, SessionRecord } from './agents.ts';
import type { NoticeText } from './upkeep.ts';

export interface PostedBlob extends BlobRef {
  readonly name?: string | undefined;
  readonly role?: 'file' | 'stdout' | 'stderr';
}

export type KernelStanding = 'runs' | 'not-allowed';

export interface Posting {
  readonly id: string;
  readonly sender: AgentId;
  /** Kind, client and directory as stamped on the message. */
  /** Of each kernel hosted now, whether what this sender writes to it runs. */
  readonly kernels: ReadonlyMap<AgentId, KernelStanding>;
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
    /** Held as well: what still follows from this word of a person. Null: nothing. */
    readonly tireless: number | null;
  };
  /** When a message to a name nobody ever took expires. */
  readonly unbornExpiresAt: number;
  /** Other agents that the sender's program acted for: what they have read, it has read. */
  readonly kin: readonly AgentId[];
  /**
   * What the person is told when this message is held for its depth, by the word of a person with which the
   * chain began; null: nothing (more).
   */
  readonly heldNotice: ((word: number) => NoticeText | null) | null;
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
  /** Names the word of a person with which its chain began; 0: none. */
  readonly word: number;
  readonly thread: string;
  readonly deliveries: readonly PostedTo[];
  readonly wake: readonly AgentId[];
}>;
