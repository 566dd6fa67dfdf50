/**
 * A database that was deleted or replaced under the daemon is still there for whoever has it open: its last
 * act is to write down what it has. A deleted one goes back to its place; beside another file's, a copy.
 */
import { existsSync, linkSync, rmSync } from 'node:fs';
import type { Sql } from './connection.ts';
import { readMark, writeMark } from './mark.ts';
import type { FileFault } from './same-files.ts';

/** Beside the store, the newest with the greatest number. */
export function rescuedPath(database: string, nth: number): string {
  return `${database}.rescued-${nth}`;
}

/** Where it is now; undefined: nothing of it could be written. */
export function rescue(sql: Sql, database: string, fault: FileFault | undefined): string | undefined {
  if (fault === undefined) return undefined;
  const copy = freePath(database);
  try {
    sql.run('VACUUM INTO ?1', copy);
  } catch {
    // What cannot be read any more is for a repair, which takes what is left page by page.
    rmSync(copy, { force: true });
    return undefined;
  }
  return fault === 'deleted' && putBack(copy, database) ? database : copy;
}

function freePath(database: string): string {
  let nth = 1;
  while (existsSync(rescuedPath(database, nth))) nth += 1;
  return rescuedPath(database, nth);
}

function putBack(copy: string, database: string): boolean {
  // Its log is in the copy already, and would be taken for the copy's own.
  for (const end of ['-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
  try {
    // Never over a file that came meanwhile.
    linkSync(copy, database);
  } catch {
    return false;
  }
  rmSync(copy);
  const mark = readMark(database);
  if (mark !== null) writeMark(database, { ...mark, log: null });
  return true;
}
