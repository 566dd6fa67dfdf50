/**
 * What set-up wrote where, by hash, in the home: so that undoing takes away exactly that. The text that a
 * file had before is kept beside it in the home and not beside the file: programs read every file of some
 * of their folders, projects are committed, and settings hold keys that belong in a folder of mode 0700.
 */
import { Failure } from '../protocol/failures.ts';
import { makeFolder, readIfThere, removeIfThere, replaceFile } from '../system/files.ts';
import type { Paths } from '../system/paths.ts';
import type { HostName } from './host.ts';

export type Written =
  | {
      readonly kind: 'json';
      readonly path: readonly string[];
      readonly list: boolean;
      /** Of the value in canonical form. */
      readonly hash: string;
      readonly made: number;
      readonly inner: string;
    }
  | { readonly kind: 'toml'; readonly path: readonly string[]; readonly block: string };

export interface FileRecord {
  readonly file: string;
  /** Hash of the text without ours; the text itself is kept under it. `null`: there was no file. */
  readonly before: string | null;
  /** Hash of the text as it was left. */
  readonly after: string;
  readonly written: readonly Written[];
  /** Folders made for it, the outermost first. */
  readonly folders: readonly string[];
}

/** Of one client in one scope; a project's by its folder. */
export interface HostRecord {
  readonly host: HostName;
  readonly folder: string | null;
  readonly files: readonly FileRecord[];
  /** Files that are ours alone. */
  readonly own: readonly string[];
}

interface Book {
  readonly version: 1;
  readonly hosts: readonly HostRecord[];
}

export function hashOf(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex');
}

export function allRecords(paths: Paths): readonly HostRecord[] {
  return readBook(paths).hosts;
}

export function findRecord(paths: Paths, host: HostName, folder: string | null): HostRecord | undefined {
  return readBook(paths).hosts.find((each) => each.host === host && each.folder === folder);
}

/** Replaces what was known of this client in this scope; nothing written is nothing to remember. */
export function keepRecord(paths: Paths, record: HostRecord): void {
  const others = readBook(paths).hosts.filter(
    ({ host, folder }) => host !== record.host || folder !== record.folder,
  );
  const hosts = record.files.length + record.own.length === 0 ? others : [...others, record];
  makeFolder(paths.setup);
  if (hosts.length === 0) removeIfThere(bookPath(paths));
  else
    replaceFile(bookPath(paths), `${JSON.stringify({ version: 1, hosts } satisfies Book, undefined, 2)}\n`);
}

export function keepText(paths: Paths, text: string): string {
  const hash = hashOf(text);
  makeFolder(paths.setup);
  replaceFile(`${paths.setup}/${hash}`, text);
  return hash;
}

export function keptText(paths: Paths, hash: string): string | undefined {
  const text = readIfThere(`${paths.setup}/${hash}`);
  return text !== undefined && hashOf(text) === hash ? text : undefined;
}

export function dropText(paths: Paths, hash: string): void {
  const needed = readBook(paths).hosts.some(({ files }) => files.some(({ before }) => before === hash));
  if (!needed) removeIfThere(`${paths.setup}/${hash}`);
}

function bookPath(paths: Paths): string {
  return `${paths.setup}/written.json`;
}

function readBook(paths: Paths): Book {
  const text = readIfThere(bookPath(paths));
  if (text === undefined) return { version: 1, hosts: [] };
  const book = parsed(text);
  if (book?.version === 1 && Array.isArray(book.hosts)) return book as Book;
  throw new Failure('invalid_data', `wanted what set-up wrote in ${bookPath(paths)}; found something else`, {
    hint: `mv ${bookPath(paths)} ${bookPath(paths)}.broken`,
  });
}

function parsed(text: string): Partial<Book> | undefined {
  try {
    return JSON.parse(text) as Partial<Book>;
  } catch {
    return undefined;
  }
}
