/**
 * A write-ahead log whose sync failed may be whole in memory and not on the disk: the kernel takes what it could
 * not write for written, and no later sync writes it. Taken into the
 * database from there, whose own sync then succeeds, it leaves a disk with newer pages and a log of older ones: a
 * power failure plays the old over the new, and indexes no longer fit their tables (attack `power`, seed 11). So
 * before anything of such a log is used, its bytes are written once more, and synced.
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import type { Sql } from './connection.ts';
import { isLastingFault } from './faults.ts';

class UnsyncedLog extends Failure {
  constructor(cause: unknown) {
    super(
      'store_damaged',
      `wanted the log of the store on the disk; the disk failed to sync it (${String(cause)}): nothing is acknowledged until it does`,
      { cause },
    );
  }
}

/** What the log holds is not known to be on the disk: nothing of it may be taken into the database. */
export function isUnsynced(error: unknown): boolean {
  if (error instanceof UnsyncedLog || isLastingFault(error)) return true;
  return error instanceof Failure && isLastingFault(error.cause);
}

/** Never closed and never collected, for either would take the log into the database; the process ends. */
const abandoned: Sql[] = [];

export function abandon(sql: Sql): void {
  abandoned.push(sql);
}

export function isAbandoned(sql: Sql): boolean {
  return abandoned.includes(sql);
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && FULL.has(String(error.code));
}

const CHUNK_BYTES = 1_048_576;

/** Nobody else writes to it meanwhile. Throws `store_damaged` when the disk still fails. */
export function rewriteLog(sql: Sql, database: string): void {
  sql.run('BEGIN IMMEDIATE');
  try {
    writeAgain(`${database}-wal`);
  } catch (error) {
    throw isFull(error)
      ? new Failure('disk_full', 'wanted to write the log once more, found the disk full', { cause: error })
      : new UnsyncedLog(error);
  } finally {
    sql.run('ROLLBACK');
  }
}

function writeAgain(path: string): void {
  const file = openSync(path, 'r+');
  try {
    const bytes = new Uint8Array(CHUNK_BYTES);
    for (let at = 0, length = 1; length > 0; at += length) {
      length = readSync(file, bytes, 0, bytes.length, at);
      for (let done = 0; done < length;) done += writeSync(file, bytes, done, length - done, at + done);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
