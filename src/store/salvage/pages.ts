/**
 * salvage/: reading a damaged store without the engine, which gives up a whole table for one bad page. It
 * looks at pages and records as the file format describes them (sqlite.org/fileformat2.html), believes
 * nothing it has not checked, and writes what it finds into a new store.
 *
 * pages: each page in its newest version, from the write-ahead log or the database.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { readWal, type WalFrame } from '../engine/wal-file.ts';

/** The pages on which the rest of a long record lies. */
export interface Overflow {
  /** Bytes of a page that content may fill. */
  readonly usable: number;
  /** Null: beyond the end, or nothing but zeros. */
  rest(page: number): Uint8Array | null;
}

export interface Pages extends Overflow, Disposable {
  readonly count: number;
  read(page: number): Uint8Array | null;
  /** Versions that may be wrong: to be believed only where nothing else is known, with what belongs to them. */
  readonly doubtful: { readonly pages: readonly Uint8Array[]; readonly overflow: Overflow };
  /**
   * Frames of the log are lost: of the pages they held an older version is read, and nothing in it tells that it
   * is the older one. So a row may be there and not what belongs to it, in trees without a fault.
   */
  readonly torn: boolean;
  /** Whole pages of a transaction whose end is cut off, by their numbers. */
  readonly unfinished: ReadonlyMap<number, Uint8Array>;
}

const MAGIC = 'SQLite format 3\0';
const USUAL_PAGE = 4_096;

export function openPages(database: string): Pages {
  const file = existsSync(database) ? openSync(database, 'r') : null;
  const bytes = file === null ? 0 : fstatSync(file).size;
  const log = readWal(`${database}-wal`);
  const { size, reserved } = shapeOf(file, log?.pageSize ?? USUAL_PAGE);
  const { newest, broken, cut, unfinished } = overlay(log?.pageSize === size ? log.frames : []);
  const nothing = Buffer.alloc(size);
  const fromFile = (page: number): Uint8Array | null => {
    const at = (page - 1) * size;
    if (file === null || at >= bytes) return null;
    const data = Buffer.alloc(size);
    readSync(file, data, 0, size, at);
    return data.equals(nothing) ? null : data;
  };
  let count = Math.ceil(bytes / size);
  for (const page of [...newest.keys(), ...broken.keys(), ...cut.keys()]) count = Math.max(count, page);
  const usable = size - reserved;
  const read = (page: number): Uint8Array | null =>
    page < 1 || page > count ? null : (newest.get(page) ?? fromFile(page));
  // An older version is of another record; a broken one has but a few wrong bytes, which the digest tells.
  const rest = (page: number): Uint8Array | null => broken.get(page) ?? read(page);
  return {
    count,
    usable,
    read,
    rest,
    doubtful: {
      pages: [...cut.values(), ...broken.values()],
      overflow: { usable, rest: (page) => cut.get(page) ?? rest(page) },
    },
    torn: cut.size > 0 || (log !== null && log.chained < log.frames.length),
    unfinished,
    [Symbol.dispose]: () => {
      if (file !== null) closeSync(file);
    },
  };
}

function shapeOf(file: number | null, logged: number): { size: number; reserved: number } {
  const header = new Uint8Array(100);
  if (file !== null) readSync(file, header, 0, 100, 0);
  if (Buffer.from(header.subarray(0, 16)).toString('latin1') !== MAGIC) return { size: logged, reserved: 0 };
  const said = new DataView(header.buffer).getUint16(16);
  const size = said === 1 ? 65_536 : said;
  const isSize = size >= 512 && (size & (size - 1)) === 0;
  return { size: isSize ? size : logged, reserved: isSize ? (header[20] ?? 0) : 0 };
}

/** Up to the last commit; of a page that was written several times the last whole one. */
function overlay(frames: readonly WalFrame[]): {
  newest: ReadonlyMap<number, Uint8Array>;
  /** Whose newest version fits no checksum. */
  broken: ReadonlyMap<number, Uint8Array>;
  /** Of a transaction whose end is cut off: its pages are no whole, its rows may be all there is of them. */
  cut: ReadonlyMap<number, Uint8Array>;
  unfinished: ReadonlyMap<number, Uint8Array>;
} {
  const newest = new Map<number, Uint8Array>();
  const broken = new Map<number, Uint8Array>();
  const last = frames.findLastIndex(({ commits }) => commits);
  for (const frame of frames.slice(0, last + 1)) {
    if (frame.whole) {
      newest.set(frame.page, frame.data);
      broken.delete(frame.page);
    } else broken.set(frame.page, frame.data);
  }
  const tail = frames.slice(last + 1);
  const byPage = (some: readonly WalFrame[]): ReadonlyMap<number, Uint8Array> =>
    new Map(some.map(({ page, data }) => [page, data]));
  return { newest, broken, cut: byPage(tail), unfinished: byPage(tail.filter(({ whole }) => whole)) };
}
