/** The one sequence from which messages, places in mailboxes and leases take their numbers. */
import type { Cursor } from '../../core/records/reading.ts';
import type { Sql } from './connection.ts';

export interface Sequence {
  /** The newest given out. */
  readonly newest: Cursor;
  next(): Cursor;
  /** Last write of a turn: every number given out must be within what the counter on disk reserves. */
  save(): void;
}

const RESERVED = "SELECT value FROM counter WHERE name = 'cursor'";
const IN_USE = `SELECT max(coalesce((SELECT max(seq) FROM message), 0),
    coalesce((SELECT max(place) FROM delivery), 0), coalesce((SELECT max(id) FROM lease), 0)) AS newest`;

export function newestInUse(sql: Sql): Cursor {
  return sql.get<{ newest: number }>(IN_USE)?.newest ?? 0;
}

/** Reserved ahead, so that not every turn writes the counter; a restart skips at most so many numbers. */
const AHEAD = 1_000;

export function openSequence(sql: Sql): Sequence {
  // A rolled-back turn may have undone the reservation of numbers that a later turn used.
  let newest = Math.max(sql.get<{ value: number }>(RESERVED)?.value ?? 0, newestInUse(sql));
  let reserved = newest;
  return {
    get newest() {
      return newest;
    },
    // A step that is rolled back leaves a gap; numbers only have to grow.
    next: () => (newest += 1),
    save: () => {
      if (newest <= reserved) return;
      sql.run("UPDATE counter SET value = ?1 WHERE name = 'cursor'", newest + AHEAD);
      reserved = newest + AHEAD;
    },
  };
}
