/** Brings a database file to the schema of this build, one migration at a time. */
import { Failure } from '../../protocol/failures.ts';
import type { Sql } from './connection.ts';
import mailbox from './migrations/0001_mailbox.sql' with { type: 'text' };
import unproven from './migrations/0002_unproven.sql' with { type: 'text' };
import imported from './migrations/0003_imported.sql' with { type: 'text' };
import words from './migrations/0004_words.sql' with { type: 'text' };

/** In order; the number of those done is kept in the file as its `user_version`. Never edit a released one. */
export const migrations: readonly string[] = [mailbox, unproven, imported, words];

export function schemaVersion(sql: Sql): number {
  return sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
}

/** Throws `store_newer`. */
export function refuseNewer(sql: Sql, steps: readonly string[] = migrations): void {
  const found = schemaVersion(sql);
  if (found <= steps.length) return;
  throw new Failure(
    'store_newer',
    `wanted a store of schema ${steps.length} or older, found schema ${found} made by a newer ipc; that one reads it (and its \`ipc export\` writes the mail out), or use another IPC_HOME`,
  );
}

/** Throws `store_newer`. A migration that fails leaves the file as the one before it left it. */
export function migrate(sql: Sql, steps: readonly string[] = migrations): void {
  const found = schemaVersion(sql);
  refuseNewer(sql, steps);
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    sql.script('BEGIN IMMEDIATE');
    try {
      sql.script(step);
      sql.script(`PRAGMA user_version = ${index + 1}`);
      sql.script('COMMIT');
    } catch (error) {
      if (sql.inTransaction) sql.script('ROLLBACK');
      throw error;
    }
  }
}
