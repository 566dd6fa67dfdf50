/** From a path to a database that may be trusted: its mark, its schema, a look at its pages. */
import { closeSync, constants, fchmodSync, openSync, statSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import { openSql, type Sql } from './connection.ts';
import { isLastingFault, storeFault } from './faults.ts';
import {
  checkAfter,
  checkBefore,
  enterIdentity,
  keepMark,
  readMark,
  writeMark,
  type MarkKeeper,
} from './mark.ts';
import { migrate } from './migrate.ts';
import { noFiles, watchFiles, type FileWatch } from './same-files.ts';
import type { Sequence } from './sequence.ts';

const IN_MEMORY = ':memory:';
const FIRST_PROBLEMS = 'PRAGMA quick_check(3)';

/** Up to this size the pages are looked at on every start: 25 ms at most (measured). */
const SMALL_BYTES = 16 * 1_048_576;

export function openDatabase(path: string): { readonly sql: Sql; readonly unchecked: boolean } {
  try {
    if (path === IN_MEMORY) return { sql: inMemory(), unchecked: false };
    const mark = readMark(path);
    const before = mark === null ? undefined : checkBefore(path, mark);
    makePrivate(path);
    const isSmall = statSync(path).size <= SMALL_BYTES;
    const sql = openSql(path);
    try {
      // Whoever writes here still, and has lost the home, ends what it is at before anything is read; its
      // next transaction is refused by its own fence.
      sql.script('BEGIN IMMEDIATE; COMMIT');
      // Before the schema is brought up to date: what is wrong stays as it was found.
      if (mark !== null) {
        checkAfter(sql, mark);
        // The log may be gone because another program took it into the database: then nothing is missing.
        if (before?.log === 'missing') writeMark(path, { ...mark, log: null });
      }
      bringHome(sql);
      migrate(sql);
      if (isSmall) checkPages(sql);
    } catch (error) {
      sql.close();
      throw error;
    }
    return { sql, unchecked: !isSmall && mark !== null && mark.log !== null };
  } catch (error) {
    throw storeFault(error);
  }
}

/** As `openDatabase`; when the disk is full, tried once more with the room that can be made. */
export function openWithRoom(path: string, makeRoom?: () => boolean): ReturnType<typeof openDatabase> {
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
function bringHome(sql: Sql): void {
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

function inMemory(): Sql {
  const sql = openSql(IN_MEMORY);
  migrate(sql);
  return sql;
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

/** Names the store, begins its log, and from then on watches both files. */
export function enterFiles(
  sql: Sql,
  path: string,
  sequence: Sequence,
): { readonly files: FileWatch; readonly mark: MarkKeeper } {
  if (path === IN_MEMORY) return { files: noFiles, mark: noMark };
  try {
    const entered = enterIdentity(sql);
    return { files: watchFiles(path), mark: keepMark(path, sequence, entered) };
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
