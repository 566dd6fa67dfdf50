/**
 * salvage/: reading a damaged store without the engine, which gives up a whole table for one bad page. It
 * looks at pages and records as the file format describes them (sqlite.org/fileformat2.html), believes
 * nothing it has not checked, and writes what it finds into a new store.
 *
 * pages: each page in its newest version, from the write-ahead log or the database.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { readWal, type WalFrame } from '../engine/wal-file.ts';

export interface Pages extends Disposable {
  readonly count: number;
  /** Bytes of a page that content may fill. */
  readonly usable: number;
  /** Null: beyond the end, or nothing but zeros. */
  read(page: number): Uint8Array | null;
  /** Versions that may be wrong, or old: to be believed only where nothing else is known. */
  readonly doubtful: readonly Uint8Array[];
}

const MAGIC = 'SQLite format 3\0';
const USUAL_PAGE = 4_096;

export function openPages(database: string): Pages {
  const file = existsSync(database) ? openSync(database, 'r') : null;
  const bytes = file === null ? 0 : fstatSync(file).size;
  const log = readWal(`${database}-wal`);
  const { size, reserved } = shapeOf(file, log?.pageSize ?? USUAL_PAGE);
  const { newest, doubtful } = overlay(log?.pageSize === size ? log.frames : []);
  const nothing = Buffer.alloc(size);
  const fromFile = (page: number): Uint8Array | null => {
    const at = (page - 1) * size;
    if (file === null || at >= bytes) return null;
    const data = Buffer.alloc(size);
    readSync(file, data, 0, size, at);
    return data.equals(nothing) ? null : data;
  };
  let count = Math.ceil(bytes / size);
  for (const page of newest.keys()) count = Math.max(count, page);
  return {
    count,
    usable: size - reserved,
    read: (page) => (page < 1 || page > count ? null : (newest.get(page) ?? fromFile(page))),
    doubtful,
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
  doubtful: readonly Uint8Array[];
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
  // A transaction whose end is cut off: its pages are no whole, its rows may be all there is of them.
  const cut = frames.slice(last + 1).toReversed();
  return { newest, doubtful: [...cut.map(({ data }) => data), ...broken.values()] };
}
