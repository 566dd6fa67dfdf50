/** From a path to a database that may be trusted: its mark, its schema, a look at its pages. */
import { closeSync, constants, fchmodSync, openSync, statSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import { openSql, type Sql } from './connection.ts';
import { isLastingFault, storeFault } from './faults.ts';
import { checkAfter, checkBefore, keepMark, readMark, writeMark, type MarkKeeper } from './mark.ts';
import { migrate } from './migrate.ts';
import { takeOver, type Owner } from './owner.ts';
import { abandon, isUnsynced, rewriteLog } from './rewrite-log.ts';
import { noFiles, watchFiles, type FileWatch } from './same-files.ts';
import type { Sequence } from './sequence.ts';

const IN_MEMORY = ':memory:';
const FIRST_PROBLEMS = 'PRAGMA quick_check(3)';

/** Up to this size the pages are looked at on every start: 25 ms at most (measured). */
const SMALL_BYTES = 16 * 1_048_576;

export interface Opened {
  readonly sql: Sql;
  readonly owner: Owner;
  readonly unchecked: boolean;
}

export function openDatabase(path: string): Opened {
  try {
    if (path === IN_MEMORY) return inMemory();
    const mark = readMark(path);
    const before = mark === null ? undefined : checkBefore(path, mark);
    makePrivate(path);
    const isSmall = statSync(path).size <= SMALL_BYTES;
    const sql = openSql(path);
    try {
      // Before the schema is brought up to date: what is wrong stays as it was found.
      if (mark !== null) {
        checkAfter(sql, mark);
        // The log may be gone because another program took it into the database: then nothing is missing.
        if (before?.log === 'missing') writeMark(path, { ...mark, log: null });
      }
      bringHome(sql, path);
      migrate(sql);
      if (isSmall) checkPages(sql);
      const unchecked = !isSmall && mark !== null && mark.log !== null;
      return { sql, owner: takeOver(sql), unchecked };
    } catch (error) {
      if (isUnsynced(error)) abandon(sql);
      else sql.close();
      throw error;
    }
  } catch (error) {
    throw storeFault(error);
  }
}

/** As `openDatabase`; when the disk is full, tried once more with the room that can be made. */
export function openWithRoom(path: string, makeRoom?: () => boolean): Opened {
  try {
    return openDatabase(path);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'disk_full' || makeRoom?.() !== true) throw error;
    return openDatabase(path);
  }
}

/**
 * What an earlier process left in the write-ahead log is brought into the database before more is written behind
 * it. Of a commit whose sync failed the log may hold frames that are in memory only and that no later sync brings
 * to the disk; were acknowledged ones appended to them, a power failure would take those too.
 */
function bringHome(sql: Sql, path: string): void {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  rewriteLog(sql, path);
  try {
    sql.all('PRAGMA wal_checkpoint(RESTART)');
  } catch (error) {
    // A disk that is full takes nothing more, but what is there can be read.
    if (isLastingFault(error)) throw error;
  }
}

/**
 * After a failed sync, once the store is closed: whether what the disk holds can be read and is whole. Returns
 * what is wrong with it.
 */
export function recheck(path: string): readonly string[] {
  const { sql } = openDatabase(path);
  try {
    const found = sql.all<{ quick_check: string }>('PRAGMA quick_check(20)');
    return found.map(({ quick_check }) => quick_check).filter((line) => line !== 'ok');
  } finally {
    sql.close();
  }
}

function inMemory(): Opened {
  const sql = openSql(IN_MEMORY);
  migrate(sql);
  return { sql, owner: takeOver(sql), unchecked: false };
}

function checkPages(sql: Sql): void {
  const problems = sql.all<{ quick_check: string }>(FIRST_PROBLEMS).map(({ quick_check }) => quick_check);
  if (problems[0] === 'ok') return;
  throw new Failure('store_damaged', `the store is damaged: ${problems.join('; ')}`);
}

const noMark: MarkKeeper = {
  committed: () => {},
  folded: () => {},
  distrust: () => {},
  close: () => {},
};

/** Keeps the mark, and from then on watches both files. */
export function enterFiles(
  sql: Sql,
  path: string,
  { sequence, owner }: { sequence: Sequence; owner: Owner },
): { readonly files: FileWatch; readonly mark: MarkKeeper } {
  if (path === IN_MEMORY) return { files: noFiles, mark: noMark };
  try {
    return { files: watchFiles(path), mark: keepMark(path, sequence, owner) };
  } catch (error) {
    sql.close();
    throw storeFault(error);
  }
}

/** Not where a link leads. Windows knows neither that nor modes. */
const posix = 'O_NOFOLLOW' in constants && typeof constants.O_NOFOLLOW === 'number';
const TO_MAKE = posix
  ? constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  : 'a';

/** Before the engine opens it: the files it makes beside the database take over its mode. */
function makePrivate(path: string): void {
  try {
    const file = openSync(path, TO_MAKE, 0o600);
    if (posix) fchmodSync(file, 0o600);
    closeSync(file);
  } catch (error) {
    throw new Failure('cannot_create', `wanted to write ${path}, found: ${String(error)}`, { cause: error });
  }
}
