/** What time brings, the notices the store writes on its own, and facts about it. */
import type { AgentId } from './agents.ts';

/** Words of a notice the store writes in the same step as its cause; `id` makes a repeat harmless. */
export interface NoticeText {
  readonly id: string;
  readonly body: string;
}

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
