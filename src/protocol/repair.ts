/** What a look at the store and its repair say: one JSON line on the stdout of the program that does them. */
import type { FailureBody } from './failures.ts';

export interface StoreFindings {
  readonly problems: readonly string[];
  readonly missingBlobs: readonly string[];
}

export interface SavedCounts {
  readonly messages: number;
  readonly deliveries: number;
  readonly agents: number;
  readonly topics: number;
}

export interface LostNote {
  /** Null: only its number is known. */
  readonly id: string | null;
  readonly from: string | null;
  readonly to: readonly string[];
}

export interface RepairReport {
  /** `sound`: there was nothing to repair, and nothing was changed. */
  readonly done: 'repaired' | 'sound';
  readonly saved: SavedCounts;
  readonly lost: {
    /** Messages that are known to have been there and cannot be read. */
    readonly messages: number;
    /** The first of them. */
    readonly some: readonly LostNote[];
    /** Numbers given out of which nothing was found: messages and deliveries, at most so many. */
    readonly numbers: number;
    /** Unread messages that mailboxes counted and nothing else tells of. */
    readonly unread: number;
    /** Places in the tables of messages and deliveries that lead to nothing readable. */
    readonly places: number;
  };
  /** Ids of messages that are not as they were sent. */
  readonly altered: readonly string[];
  /** Deliveries made again from what else tells of them; some may come a second time. */
  readonly remade: number;
  /** Names that nobody's key opens any more: who takes one next has its mail. */
  readonly keyless: readonly string[];
  readonly blobs: {
    readonly missing: readonly string[];
    readonly altered: readonly string[];
    readonly reattached: number;
  };
  /** The damaged files, as they were. */
  readonly kept: readonly string[];
  readonly seconds: number;
}

export type CareReport =
  | { readonly findings: StoreFindings }
  | { readonly repair: RepairReport }
  | { readonly failure: FailureBody };
