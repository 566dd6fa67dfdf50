/** The one sequence from which messages, places in mailboxes and leases take their numbers. */
import type { Cursor } from '../core/ports.ts';
import type { Sql } from './sql.ts';

export interface Cursors {
  /** The newest given out. */
  readonly newest: Cursor;
  next(): Cursor;
  /** Writes down how far it is: once a turn, not once a number. */
  save(): void;
}

export function openCursors(sql: Sql): Cursors {
  const row = sql.get<{ value: number }>("SELECT value FROM counter WHERE name = 'cursor'");
  let newest = row?.value ?? 0;
  let saved = newest;
  return {
    get newest() {
      return newest;
    },
    // A step that is rolled back leaves a gap; numbers only have to grow.
    next: () => (newest += 1),
    save: () => {
      if (saved === newest) return;
      sql.run("UPDATE counter SET value = ?1 WHERE name = 'cursor'", newest);
      saved = newest;
    },
  };
}
