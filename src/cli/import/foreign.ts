/**
 * cli/import/: the files of the systems that this one replaces, read as messages. One file a system;
 * what they have in common stands here. Nothing here asks the daemon but carry.ts.
 *
 * What a row says may be anything: older versions, other programs and slips of the hand wrote there too.
 */
import type { Database } from 'bun:sqlite';

/** What was not as it should be; a message comes nevertheless. */
export const remarks = {
  bytes: 'bytes that are no text, shown as �',
  data: 'data that is no JSON of a size and depth that fits, kept as text or as a file',
  file: 'a long text in a file that cannot be read: what the message itself says is there',
  time: 'a time that cannot be read: it has that of the message before it',
} as const;
export type Remark = keyof typeof remarks;

export interface ForeignMessage {
  /** By which the same message is known again, whatever was done to it since. */
  readonly identity: readonly string[];
  readonly sender: string;
  readonly to: string;
  /** Undefined: not to be read. */
  readonly sentAt: number | undefined;
  readonly read: boolean;
  readonly readAt: number | undefined;
  readonly body: string;
  /** As it was written, JSON or not. */
  readonly data: string | undefined;
  readonly remarks: readonly Remark[];
}

export interface ForeignSystem {
  readonly name: 'claude-ipc-mcp' | 'mcp-relay';
  /** Columns of `messages` by which its file is known. */
  readonly columns: readonly string[];
  /** Below the user's home. */
  readonly place: string;
  open(source: Source): Foreign;
}

export interface Foreign {
  /** Every name, in an order that does not change from one import to the next. */
  names(): Iterable<string>;
  /** Oldest first; undefined: a row that is no message. */
  messages(): AsyncIterable<ForeignMessage | undefined>;
}

export interface Source {
  readonly database: Database;
  readonly columns: ReadonlySet<string>;
  /** Where the original is. */
  readonly folder: string;
  readonly userHome: string;
  /** The present: what claims to be of later has a wrong time. */
  readonly now: number;
}

/** A column as it lies there; null where the file has no such column. */
export function bytesOf(column: string, columns: ReadonlySet<string>): string {
  return columns.has(column) ? `CAST("${column}" AS BLOB) AS "${column}"` : `NULL AS "${column}"`;
}

export type Bytes = Uint8Array | null;

export interface Decoded {
  readonly text: string;
  readonly damaged: boolean;
}

export type Decode = (bytes: Bytes) => Decoded;

/** The text of a file's columns, in the encoding the file has. */
export function decoderOf(database: Database): Decode {
  const found = database.query<{ encoding: string }, []>('PRAGMA encoding').get()?.encoding ?? '';
  const label = found === 'UTF-16le' ? 'utf-16le' : found === 'UTF-16be' ? 'utf-16be' : 'utf-8';
  const strict = new TextDecoder(label, { ignoreBOM: true, fatal: true });
  const lenient = new TextDecoder(label, { ignoreBOM: true });
  return (bytes) => {
    if (bytes === null) return { text: '', damaged: false };
    try {
      return { text: strict.decode(bytes), damaged: false };
    } catch {
      return { text: lenient.decode(bytes).toWellFormed(), damaged: true };
    }
  };
}

const DAY_MS = 86_400_000;
const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$/;

/** ISO 8601 as Python writes it; without a zone it is this machine's local time, as it was for its writer. */
export function timeOf(text: string, now: number): number | undefined {
  if (!ISO.test(text)) return undefined;
  // Python writes microseconds.
  const at = Date.parse(text.replace(/(\.\d{3})\d+/, '$1').replace(' ', 'T'));
  return at >= 0 && at <= now + DAY_MS ? at : undefined;
}
