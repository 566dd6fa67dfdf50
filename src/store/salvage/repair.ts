/**
 * The repair: everything that can be read goes into a new store, which then takes the place of the damaged
 * one; the damaged files stay beside it. Killed at any moment it has changed nothing or can be run again.
 */
import { copyFileSync, existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RepairReport, SavedCounts } from '../../protocol/repair.ts';
import { readSql } from '../engine/connection.ts';
import { markDamaged, readMark, writeMark } from '../engine/mark.ts';
import { refuseNewer } from '../engine/migrate.ts';
import { referredBlobs } from '../upkeep/verify-backup.ts';
import { lookAtBlobs, putAside, reattach } from './blob-care.ts';
import { examineStore } from './examine.ts';
import { countSaved, rebuild, type Rebuilt } from './rebuild.ts';
import type { Owner } from './mend.ts';

export interface Repairing extends Owner {
  readonly database: string;
  readonly blobs: string;
  /** In the names of the files that are kept: when the repair was. */
  readonly stamp: string;
  readonly idOf: (...words: readonly string[]) => string;
}

/** The caller has the home's lock. Throws `store_newer`, `disk_full`, `cannot_create`. */
export async function repairStore(parts: Repairing): Promise<Omit<RepairReport, 'seconds'>> {
  const { database } = parts;
  const rescued = besides(database, 'rescued');
  const { ofStore } = await examineStore({ database, blobs: parts.blobs, depth: 'full' });
  if (ofStore.length === 0 && rescued.length === 0) return soundStore(parts);
  refuseNewerFile(database);
  const target = `${database}.repair`;
  const mark = readMark(database);
  const sources = sourcesOf(database, rescued);
  const rebuilt = rebuild({ ...parts, sources, target, mark });
  const kept = swap(parts, target, rebuilt);
  for (const file of rescued) renameSync(file, `${database}.damaged-${parts.stamp}.${basename(file)}`);
  const blobs = await careForBlobs(parts, rebuilt.blobs);
  const { saved, lost, altered, remade, keyless } = rebuilt;
  return { done: 'repaired', saved, lost, altered, remade, keyless, blobs, kept };
}

function refuseNewerFile(database: string): void {
  try {
    const sql = readSql(database);
    try {
      refuseNewer(sql);
    } finally {
      sql.close();
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'Failure') throw error;
  }
}

/** `ipc.db.rescued-2`, `ipc.db.damaged-…`: beside the store, the newest first. */
function besides(database: string, what: 'rescued' | 'damaged'): readonly string[] {
  const start = `${basename(database)}.${what}-`;
  const names = readdirSync(dirname(database)).filter((name) => name.startsWith(start));
  const plain = names.filter(
    (name) => !/-wal$|-shm$/.test(name) && !name.slice(start.length).includes('ipc.db'),
  );
  const numbered = (name: string): string => name.slice(start.length).padStart(30, '0');
  return plain
    .toSorted((one, other) => (numbered(one) < numbered(other) ? 1 : -1))
    .map((name) => join(dirname(database), name));
}

/**
 * What a daemon rescued is newer than what stands in its place. A repair that was killed between two of its
 * steps left the damaged files under their new name, perhaps without their log under the old one.
 */
function sourcesOf(database: string, rescued: readonly string[]): readonly string[] {
  const own = statSync(database, { throwIfNoEntry: false });
  const interrupted = besides(database, 'damaged').filter((path) => {
    const found = statSync(path);
    return own === undefined || own.size === 0 || (found.ino === own.ino && found.dev === own.dev);
  });
  const [latest] = interrupted;
  const isUseless = own === undefined || own.size === 0 || latest !== undefined;
  const isOthers = rescued.length > 0 && isForeign(database);
  const standing = isUseless || isOthers ? [] : [database];
  return [...rescued, ...(latest === undefined ? [] : [latest]), ...standing];
}

/** Another store in the place of ours, whose mail is not ours to hand out while there is our own. */
function isForeign(database: string): boolean {
  const mark = readMark(database);
  if (mark === null) return false;
  try {
    const sql = readSql(database);
    try {
      const row = sql.get<{ value: number }>("SELECT value FROM counter WHERE name = 'store'");
      return row !== null && row.value.toString(16) !== mark.store;
    } finally {
      sql.close();
    }
  } catch {
    return false;
  }
}

const ENDS = ['', '-wal', '-shm'] as const;

function swap({ database, stamp }: Repairing, target: string, { store }: Rebuilt): readonly string[] {
  const kept: string[] = [];
  for (const end of ENDS) {
    const from = `${database}${end}`;
    const to = `${database}.damaged-${stamp}${end}`;
    if (!existsSync(from) || existsSync(to)) continue;
    keep(from, to);
    kept.push(to);
  }
  // From here to the end a start would find half of each: it is told.
  markDamaged(database, 'a repair was interrupted');
  // The old log beside the new database would be taken for its own.
  for (const end of ['-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
  renameSync(target, database);
  writeMark(database, { ...store, log: null, damaged: null });
  return kept;
}

/** Under a second name, at once and whole; by copy where the file system has no links. */
function keep(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function careForBlobs(parts: Repairing, sha256s: readonly string[]): Promise<RepairReport['blobs']> {
  const { blobs: folder, stamp } = parts;
  const before = await lookAtBlobs(folder, sha256s);
  for (const path of before.altered) putAside(path, stamp);
  const reattached = await reattach(folder, [...before.missing, ...before.altered]);
  const after = await lookAtBlobs(folder, sha256s);
  return { missing: after.missing, altered: before.altered, reattached };
}

async function soundStore(parts: Repairing): Promise<Omit<RepairReport, 'seconds'>> {
  const { saved, sha256s } = contentOf(parts.database);
  const blobs = await careForBlobs(parts, sha256s);
  const lost = { messages: 0, some: [], numbers: 0, unread: 0, places: 0 };
  return { done: 'sound', saved, lost, altered: [], remade: 0, keyless: [], blobs, kept: [] };
}

function contentOf(database: string): { saved: SavedCounts; sha256s: readonly string[] } {
  if (!existsSync(database)) {
    return { saved: { messages: 0, deliveries: 0, agents: 0, topics: 0 }, sha256s: [] };
  }
  const sql = readSql(database);
  try {
    return { saved: countSaved(sql), sha256s: referredBlobs(sql) };
  } finally {
    sql.close();
  }
}
