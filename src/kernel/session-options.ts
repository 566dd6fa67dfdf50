/** What a session is opened with, and what it tells its host while it lives. */
import type { OthersCell } from './activity.ts';
import type { Cell } from './cell.ts';
import type { OutputSink } from './output/cell-output.ts';

export type SessionEvent =
  | { readonly kind: 'cell'; readonly cell: Cell }
  | { readonly kind: 'input'; readonly cell: Cell }
  | { readonly kind: 'other'; readonly cell: OthersCell }
  | { readonly kind: 'connection'; readonly up: boolean }
  | { readonly kind: 'gone'; readonly reason: string }
  /** Another kernel answers where the old one was. */
  | { readonly kind: 'replaced'; readonly reason: string };

export interface SessionOptions {
  /** What others see as the user of requests that belong to no owner. */
  readonly username: string;
  readonly sinkFor?: (cell: { readonly id: string; readonly owner: string }) => OutputSink;
  readonly event?: (event: SessionEvent) => void;
  readonly withinMs?: number;
  /** Of a kernel we started. */
  readonly pid?: number;
  /** For files and processes of a kernel that is not ours. */
  readonly connectionFile?: string;
  readonly handshakeMs?: number;
  /** Of a kernel just launched: how it ended, when it ends (`Launched.exited`); its ports may be silent at first. */
  readonly starting?: Promise<string>;
}
