/**
 * What the store is known to hold, kept in a small file beside it: its identity, the newest number in use,
 * how far the write-ahead log has come. A deleted log leaves 0 of 100 acknowledged messages and an
 * integrity_check that says ok; an emptied file is a new mailbox (measured): only somebody outside can tell.
 *
 * It is written after each synced commit, itself unsynced: a killed daemon leaves it exact, and after a power
 * failure it is behind what is on the disk, never ahead. So a store that is behind its mark has lost something.
 */
import { closeSync, fsyncSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import type { Sql } from './connection.ts';
import { schemaVersion } from './migrate.ts';
import { type Sequence, newestKept } from './sequence.ts';
import { identityOf, type Owner } from './owner.ts';
import { judgeLog, positionIn, type LogPosition } from './wal-file.ts';

export interface Mark {
  readonly store: string;
  /** Grows with each daemon that opened the store. */
  readonly opened: number;
  /** No message and no delivery has a greater number. */
  readonly newest: number;
  /** Null: everything is in the database, the log may go. */
  readonly log: LogPosition | null;
  /** Why nothing may be done with it before a repair. */
  readonly damaged: string | null;
}

/** One write within one sector: it is there whole or not at all. */
const MARK_BYTES = 512;
const LONGEST_REASON = 200;

export function markPath(database: string): string {
  return `${database}.mark`;
}

/** Null: there is none, or nothing that makes sense. */
export function readMark(database: string): Mark | null {
  try {
    const read = JSON.parse(readFileSync(markPath(database), 'utf8')) as Mark;
    return typeof read.store === 'string' && Number.isSafeInteger(read.newest) ? read : null;
  } catch {
    return null;
  }
}

function textOf(mark: Mark): string {
  return `${JSON.stringify(mark).padEnd(MARK_BYTES - 1)}\n`;
}

/** Synced; what was there before is replaced in place. */
export function writeMark(database: string, mark: Mark): void {
  const file = openMark(database);
  try {
    writeSync(file, textOf(mark), 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function openMark(database: string): number {
  try {
    return openSync(markPath(database), 'r+');
  } catch {
    return openSync(markPath(database), 'w+', 0o600);
  }
}

/** Notes why the store is not to be opened again before it is repaired. */
export function markDamaged(database: string, why: string): void {
  const mark = readMark(database);
  if (mark !== null) writeMark(database, { ...mark, damaged: why.slice(0, LONGEST_REASON) });
}

/** Before the engine opens the file, which would forget what it cannot read. Throws `store_damaged`. */
export function checkBefore(database: string, mark: Mark): { readonly log: 'whole' | 'missing' } {
  if (mark.damaged !== null) throw damaged(mark.damaged);
  const size = statSync(database, { throwIfNoEntry: false })?.size;
  if (size === undefined || size === 0) {
    throw damaged(`wanted the store at ${database}, found ${size === 0 ? 'an empty file' : 'nothing'}`);
  }
  if (mark.log === null) return { log: 'whole' };
  const verdict = judgeLog(`${database}-wal`, mark.log);
  if (verdict.found !== 'short') return { log: verdict.found };
  const lost = `only ${verdict.frames} of ${mark.log.frames} pages can be read`;
  throw damaged(`the write-ahead log ${database}-wal is damaged: ${lost}`);
}

/** After it was opened. Throws `store_damaged` when it is another store or an older state of this one. */
export function checkAfter(sql: Sql, mark: Mark): void {
  // A store that never had any mail has none to lose: whatever is put in its place is welcome.
  if (mark.newest === 0) return;
  if (schemaVersion(sql) === 0) throw damaged('wanted the store, found a database with nothing in it');
  const { store, opened } = identityOf(sql);
  if (store !== null && store !== mark.store) {
    throw damaged('another store stands in the place of this one');
  }
  const newest = newestKept(sql);
  if (newest >= mark.newest && opened >= mark.opened) return;
  const lost = `it goes up to number ${newest}, and ${mark.newest} was stored`;
  throw damaged(`the store is an older state of itself: ${lost} (a lost ipc.db-wal, or a copy put back)`);
}

function damaged(what: string): Failure {
  return new Failure('store_damaged', what);
}

export interface MarkKeeper {
  /** A synced commit is done. */
  readonly committed: () => void;
  /** The log was taken into the database. */
  readonly folded: () => void;
  readonly distrust: (why: string) => void;
  /** After the engine closed the store: until then, to close any handle of its files drops its locks. */
  readonly close: () => void;
}

export function keepMark(database: string, sequence: Sequence, owner: Owner): MarkKeeper {
  const file = openMark(database);
  const index = openSync(`${database}-shm`, 'r');
  const header = new Uint8Array(48);
  let reason: string | null = null;
  let isBroken = false;
  const write = (log: LogPosition | null): void => {
    const { store, opened } = owner;
    const mark: Mark = { store, opened, newest: sequence.newestRow(), log, damaged: reason };
    writeSync(file, textOf(mark), 0);
  };
  const position = (): LogPosition | null => {
    readSync(index, header, 0, header.length, 0);
    return positionIn(header);
  };
  /** The mark guards the store; it must never be what stops it. */
  const attempt = (work: () => void): void => {
    if (isBroken) return;
    try {
      work();
    } catch {
      isBroken = true;
    }
  };
  attempt(() => {
    write(position());
    fsyncSync(file);
  });
  return {
    committed: () => attempt(() => write(position())),
    folded: () => attempt(() => write(null)),
    distrust: (why) => {
      reason = why.slice(0, LONGEST_REASON);
      attempt(() => write(position()));
    },
    close: () => {
      closeSync(index);
      closeSync(file);
    },
  };
}
