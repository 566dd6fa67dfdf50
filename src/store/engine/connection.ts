/** One connection to one database file, and its statements. */
import { Database, SQLiteError, type Statement } from 'bun:sqlite';
import { Failure } from '../../protocol/failures.ts';
import { LOG_LIMIT_BYTES } from './same-files.ts';

export type Value = string | number | null | Uint8Array;

export interface Sql {
  all<Row>(text: string, ...values: readonly Value[]): Row[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- known where the statement is written
  get<Row>(text: string, ...values: readonly Value[]): Row | null;
  /** Returns how many rows it changed. */
  run(text: string, ...values: readonly Value[]): number;
  /** Several statements, nothing bound. */
  script(text: string): void;
  readonly inTransaction: boolean;
  close(): void;
}

// A checkpoint every 2,000 pages, not 1,000: with a million messages stored it writes pages from all over
// the file, and the send that triggers it waits.
// FULL and group commit, not NORMAL (design §3.2). fullfsync: on macOS a plain fsync does not reach the
// platter; elsewhere it does nothing. 8 MB of cache keep an idle daemon small.
const PRAGMAS = `
PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = 1;
PRAGMA checkpoint_fullfsync = 1;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8000;
PRAGMA wal_autocheckpoint = 2000;
PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES};
`;

export function openSql(path: string): Sql {
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run(PRAGMAS);
  } catch (error) {
    database.close();
    throw error;
  }
  return sqlOn(database);
}

// A store under construction: one that is not finished is thrown away, and synced once when it is.
const BUILDING = `
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -64000;
`;

/** To fill a new file with what another one held. */
export function buildSql(path: string): Sql {
  const database = new Database(path, { create: true, strict: true });
  database.run(BUILDING);
  return sqlOn(database);
}

/** To look only: nothing at the path is made or changed, and a daemon that has it open goes on. */
export function readSql(path: string): Sql {
  return sqlOn(new Database(path, { readonly: true, strict: true }));
}

/** Our statements are always the same: one that does not fit the schema any more shows that its page was altered. */
function preparedOn(database: Database, text: string): Statement {
  try {
    return database.prepare<unknown, never[]>(text);
  } catch (error) {
    if (!(error instanceof SQLiteError) || error.code !== 'SQLITE_ERROR') throw error;
    throw new Failure('store_damaged', `the schema of the store cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}

function sqlOn(database: Database): Sql {
  // Bun's own `query` cache holds 20 statements; the store has more.
  const cache = new Map<string, Statement>();
  const prepared = (text: string): Statement => {
    const known = cache.get(text);
    if (known !== undefined) return known;
    const statement = preparedOn(database, text);
    cache.set(text, statement);
    return statement;
  };
  return {
    all: <Row>(text: string, ...values: readonly Value[]) => prepared(text).all(...values) as Row[],
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
    get: <Row>(text: string, ...values: readonly Value[]) => prepared(text).get(...values) as Row | null,
    run: (text, ...values) => prepared(text).run(...values).changes,
    script: (text) => void database.run(text),
    get inTransaction() {
      return database.inTransaction;
    },
    close: () => {
      for (const statement of cache.values()) statement.finalize();
      cache.clear();
      database.close(true);
    },
  };
}
