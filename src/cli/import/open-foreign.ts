/** A copied file as the messages of the system that wrote it. */
import { dirname } from 'node:path';
import { Database, SQLiteError } from 'bun:sqlite';
import { Failure } from '../../protocol/failures.ts';
import { shellWord } from '../../system/files.ts';
import { claudeIpcMcp } from './claude-ipc-mcp.ts';
import type { Foreign, ForeignSystem } from './foreign.ts';
import { mcpRelay } from './mcp-relay.ts';
import type { PrivateCopy } from './private-copy.ts';

export const systems: readonly ForeignSystem[] = [claudeIpcMcp, mcpRelay];

export interface OpenForeign extends Disposable {
  readonly system: ForeignSystem['name'];
  readonly foreign: Foreign;
}

const COLUMNS = `SELECT c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
  WHERE m.type = 'table' AND m.rootpage > 0 AND m.name = 'messages'`;
const OURS = "SELECT 1 FROM sqlite_master WHERE name = 'message_index'";

/** Throws `invalid_data` for a file that is damaged or of no system known here. */
export function openForeign(
  file: string,
  copy: PrivateCopy,
  { userHome, now }: { userHome: string; now: number },
): OpenForeign {
  return understood(file, () => {
    const database = new Database(copy.path, { readwrite: true, create: false, safeIntegers: true });
    try {
      // What strangers wrote into a schema runs nothing.
      database.run('PRAGMA trusted_schema = OFF');
      const [check] = database.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').all();
      if (check?.quick_check !== 'ok') throw damaged(file, check?.quick_check ?? 'no answer');
      const columns = new Set(
        database
          .query<{ name: string }, []>(COLUMNS)
          .all()
          .map(({ name }) => name),
      );
      const system = systems.find((each) => each.columns.every((column) => columns.has(column)));
      if (system === undefined) throw unknown(file, columns, { ours: database.query(OURS).get() !== null });
      const folder = dirname(copy.original);
      return {
        system: system.name,
        foreign: system.open({ database, columns, folder, userHome, now }),
        [Symbol.dispose]: () => database.close(),
      };
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** What SQLite says of somebody else's file is not ours to be told as an error of ours. */
export function understood<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw foreignFault(file, error);
  }
}

export function foreignFault(file: string, error: unknown): unknown {
  return error instanceof SQLiteError ? damaged(file, error.message) : error;
}

function damaged(file: string, found: string): Failure {
  const fresh = shellWord(`${file}.recovered`);
  return new Failure('invalid_data', `wanted a sound file of SQLite, found ${file} damaged: ${found}`, {
    hint: `sqlite3 ${shellWord(file)} .recover | sqlite3 ${fresh} && ipc import ${fresh}`,
  });
}

function unknown(file: string, columns: ReadonlySet<string>, { ours }: { ours: boolean }): Failure {
  const known = systems.map(({ name, place }) => `${name} (~/${place})`).join(' or ');
  const found = ours
    ? "ipc's own: that is for ipc backup"
    : columns.size === 0
      ? 'no messages'
      : `messages with other columns (${[...columns].slice(0, 8).join(', ')})`;
  return new Failure('invalid_data', `wanted the file of ${known}; in ${file} found ${found}`, {
    hint: 'ipc help import',
  });
}
