/**
 * Who may write: the process that opened the store last. Sequence, counters and cursors are kept in memory, so two
 * that write would not see each other's; whatever becomes of the locks outside, the store itself tells them apart:
 * by its name, and by how often it was opened. The mark beside it (mark.ts) knows both too.
 */
import { Failure } from '../../protocol/failures.ts';
import type { Sql } from './connection.ts';
import { storeFault } from './faults.ts';

export interface Identity {
  /** Null: it was never given a name. */
  readonly store: string | null;
  readonly opened: number;
}

export interface Owner {
  readonly store: string;
  /** Grows with each process that opened the store to write. */
  readonly opened: number;
  /** Within a transaction: nobody can take the store over until it ends. Throws when somebody has. */
  readonly check: () => void;
}

const IDENTITY = `SELECT (SELECT value FROM counter WHERE name = 'store') AS store,
  (SELECT value FROM counter WHERE name = 'opened') AS opened`;
const NAME = `INSERT OR IGNORE INTO counter (name, value)
  VALUES ('store', abs(random() / 2048)), ('opened', 0)`;
const OPEN = "UPDATE counter SET value = value + 1 WHERE name = 'opened'";
const OPENED = "SELECT value FROM counter WHERE name = 'opened'";

export function identityOf(sql: Sql): Identity {
  const row = sql.get<{ store: number | null; opened: number | null }>(IDENTITY);
  return { store: row?.store?.toString(16) ?? null, opened: row?.opened ?? 0 };
}

/** Its identity; a store without one gets a new one. */
export function nameStore(sql: Sql): { store: string; opened: number } {
  sql.run(NAME);
  const { store, opened } = identityOf(sql);
  if (store === null) throw new Error('a store just named has no name');
  return { store, opened };
}

/**
 * Takes the store over: a former owner ends what it is at before anything is read here, and its next transaction
 * is refused. Synced: the mark that will name this opening must never be ahead of the disk.
 */
export function takeOver(sql: Sql): Owner {
  const taken = takenNow(sql);
  const { store, opened } = taken ?? identityOf(sql);
  if (store === null) throw new Failure('disk_full', 'wanted room to name the store, found the disk full');
  // The disk was full: reading goes on, and the first transaction for which there is room takes over.
  const isDue = taken === undefined;
  let isTried = false;
  return {
    store,
    // What the mark says must never be ahead.
    opened,
    check: () => {
      const found = sql.get<{ value: number }>(OPENED)?.value;
      // Again, if need be: the transaction that took over may have been rolled back.
      if (isDue && found === opened) {
        isTried = true;
        sql.run(OPEN);
      } else if (found !== (isTried ? opened + 1 : opened)) throw notBegun();
    },
  };
}

/** Undefined: there is no room to write even that. */
function takenNow(sql: Sql): { store: string; opened: number } | undefined {
  try {
    sql.run('BEGIN IMMEDIATE');
    const { store, opened } = nameStore(sql);
    sql.run(OPEN);
    sql.run('COMMIT');
    return { store, opened: opened + 1 };
  } catch (error) {
    if (sql.inTransaction) sql.run('ROLLBACK');
    const failure = storeFault(error);
    if (failure instanceof Failure && failure.code === 'disk_full') return undefined;
    throw error;
  }
}

/** The caller may turn to the other one. */
function notBegun(): Failure {
  return new Failure('busy', 'another daemon has taken the store over', { details: { notBegun: true } });
}
