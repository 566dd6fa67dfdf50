/** The one sequence from which messages, places in mailboxes and leases take their numbers. */
import type { Cursor } from '../../core/records/reading.ts';
import type { Sql } from './connection.ts';

export interface Sequence {
  /** The newest given out. */
  readonly newest: Cursor;
  /** For a message or a delivery. */
  next(): Cursor;
  /** For a lease, which leaves no row. */
  nextLease(): Cursor;
  /** The newest that a message or a delivery has; asked between turns. */
  newestRow(): Cursor;
  /** A turn, or a step of it, was rolled back: numbers given out in it are in use by nothing. */
  undone(): void;
  /** Rows are deleted for good, perhaps the newest ones. */
  forget(): void;
  /** Last write of a turn: every number given out must be within what the counter on disk reserves. */
  save(): void;
}

const RESERVED = "SELECT value FROM counter WHERE name = 'cursor'";
const IN_USE = `SELECT max(coalesce((SELECT max(seq) FROM message), 0),
    coalesce((SELECT max(place) FROM delivery), 0), coalesce((SELECT max(id) FROM lease), 0)) AS newest`;
const KEPT = `SELECT max(coalesce((SELECT max(seq) FROM message), 0),
    coalesce((SELECT max(place) FROM delivery), 0),
    coalesce((SELECT value FROM counter WHERE name = 'forgotten'), 0)) AS newest`;
const FORGOTTEN = `INSERT INTO counter (name, value) VALUES ('forgotten', ?1)
  ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`;

export function newestInUse(sql: Sql): Cursor {
  return sql.get<{ newest: number }>(IN_USE)?.newest ?? 0;
}

/** The newest number a message or a delivery has or, before it was deleted for good, had. */
export function newestKept(sql: Sql): Cursor {
  return sql.get<{ newest: number }>(KEPT)?.newest ?? 0;
}

/** Reserved ahead, so that not every turn writes the counter; a restart skips at most so many numbers. */
const AHEAD = 1_000;

export function openSequence(sql: Sql): Sequence {
  // A rolled-back turn may have undone the reservation of numbers that a later turn used.
  let newest = Math.max(sql.get<{ value: number }>(RESERVED)?.value ?? 0, newestInUse(sql));
  let reserved = newest;
  let row: Cursor | null = newestKept(sql);
  let forgets = false;
  return {
    get newest() {
      return newest;
    },
    // A step that is rolled back leaves a gap; numbers only have to grow.
    next: () => (row = newest += 1),
    nextLease: () => (newest += 1),
    newestRow: () => (row ??= newestKept(sql)),
    undone: () => {
      row = null;
    },
    forget: () => {
      forgets = true;
    },
    save: () => {
      if (forgets) sql.run(FORGOTTEN, newest);
      forgets = false;
      if (newest <= reserved) return;
      sql.run("UPDATE counter SET value = ?1 WHERE name = 'cursor'", newest + AHEAD);
      reserved = newest + AHEAD;
    },
  };
}
