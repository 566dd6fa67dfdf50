/** Files of the systems this one replaces, made by their public schemas. */
import { Database } from 'bun:sqlite';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const CLAUDE_IPC_MCP = `
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, from_id TEXT NOT NULL, to_id TEXT NOT NULL, content TEXT NOT NULL,
  timestamp TEXT NOT NULL, data TEXT, summary TEXT, large_file_path TEXT, read_flag INTEGER DEFAULT 0);
CREATE TABLE instances (instance_id TEXT PRIMARY KEY, last_seen TEXT NOT NULL);
CREATE TABLE sessions (
  session_token_hash TEXT PRIMARY KEY, instance_id TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL);
CREATE TABLE name_history (old_name TEXT PRIMARY KEY, new_name TEXT NOT NULL, changed_at TEXT NOT NULL);`;
const MCP_RELAY = `
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, message TEXT NOT NULL, timestamp TEXT NOT NULL,
  read_by_desktop_at TEXT, read_by_code_at TEXT);`;

type Cell = string | number | bigint | Uint8Array | null;

export interface OldMessage {
  readonly id?: number | bigint;
  readonly from?: Cell;
  readonly to?: Cell;
  readonly content?: Cell;
  readonly timestamp?: Cell;
  readonly data?: Cell;
  readonly file?: Cell;
  readonly read?: Cell;
}

export interface RelayMessage {
  readonly sender: Cell;
  readonly message: Cell;
  readonly timestamp?: Cell;
  readonly desktopAt?: Cell;
  readonly codeAt?: Cell;
}

const WHEN = '2026-03-04T05:06:07.123456';

/** A new file, or more in one that is there. */
export function claudeIpcMcp(
  path: string,
  messages: readonly OldMessage[],
  renames: readonly (readonly [old: string, name: string, at: string])[] = [],
): void {
  using database = opened(path, CLAUDE_IPC_MCP);
  const insert = database.prepare(
    `INSERT INTO messages (id, from_id, to_id, content, timestamp, data, large_file_path, read_flag)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
  );
  const seen = database.prepare('INSERT OR IGNORE INTO instances (instance_id, last_seen) VALUES (?1, ?2)');
  database.transaction(() => {
    for (const each of messages) {
      const { from = 'fred', to = 'nessa', content = 'hello', timestamp = WHEN } = each;
      insert.run(
        each.id ?? null,
        from,
        to,
        content,
        timestamp,
        each.data ?? null,
        each.file ?? null,
        each.read ?? 0,
      );
      for (const name of [from, to]) if (typeof name === 'string') seen.run(name, WHEN);
    }
    for (const rename of renames)
      database.run('INSERT INTO name_history (old_name, new_name, changed_at) VALUES (?1, ?2, ?3)', [
        ...rename,
      ]);
  })();
}

export function mcpRelay(path: string, messages: readonly RelayMessage[]): void {
  using database = opened(path, MCP_RELAY);
  const insert = database.prepare(
    `INSERT INTO messages (sender, message, timestamp, read_by_desktop_at, read_by_code_at)
     VALUES (?1, ?2, ?3, ?4, ?5)`,
  );
  for (const each of messages)
    insert.run(
      each.sender,
      each.message,
      each.timestamp ?? '2026-03-04T05:06:07.123456+00:00',
      each.desktopAt ?? null,
      each.codeAt ?? null,
    );
}

function opened(path: string, schema: string): Database {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { create: true });
  const made = database.query("SELECT 1 FROM sqlite_master WHERE name = 'messages'").get() !== null;
  if (!made) database.run(schema);
  return database;
}
