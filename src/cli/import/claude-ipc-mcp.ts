/**
 * claude-ipc-mcp: `~/.claude-ipc-data/messages.db`. One row for each recipient, `read_flag`, naive local
 * times. Texts over 10 KB are files beside it; renames are in `name_history`, and move what came before
 * them and for two hours after.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import {
  bytesOf,
  decoderOf,
  timeOf,
  type Bytes,
  type Decode,
  type ForeignMessage,
  type ForeignSystem,
  type Remark,
  type Source,
} from './foreign.ts';

const COLUMNS = ['from_id', 'to_id', 'content', 'timestamp', 'data', 'large_file_path'] as const;
type Row = Record<(typeof COLUMNS)[number], Bytes> & { row: bigint; read_flag: unknown };

const INSTANCES = 'SELECT CAST(instance_id AS BLOB) AS name FROM instances ORDER BY instance_id';
const NAMES = `SELECT CAST(name AS BLOB) AS name FROM (SELECT from_id AS name, rowid AS at FROM messages
    UNION ALL SELECT to_id, rowid FROM messages UNION ALL SELECT new_name, 0 FROM history)
  GROUP BY name ORDER BY min(at), name`;
const RENAMES = `SELECT CAST(old_name AS BLOB) AS old, CAST(new_name AS BLOB) AS new, CAST(changed_at AS BLOB) AS at
  FROM name_history ORDER BY rowid`;
/** The file may be of a version without the table. */
const HISTORY = `CREATE TEMP VIEW history AS SELECT new_name FROM name_history`;
const NO_HISTORY = 'CREATE TEMP VIEW history AS SELECT NULL AS new_name WHERE 0';

const FORWARDED_MS = 7_200_000;

export const claudeIpcMcp: ForeignSystem = {
  name: 'claude-ipc-mcp',
  columns: ['from_id', 'to_id', 'content', 'timestamp', 'read_flag'],
  place: '.claude-ipc-data/messages.db',
  open: (source) => {
    const { database, columns } = source;
    const decode = decoderOf(database);
    const renames = hasTable(source, 'name_history') ? renamesOf(source, decode) : new Map<string, Rename>();
    const files = largeMessageFolders(source);
    return {
      names: function* () {
        database.run(hasTable(source, 'name_history') ? HISTORY : NO_HISTORY);
        const known = hasTable(source, 'instances') ? [INSTANCES, NAMES] : [NAMES];
        for (const query of known)
          for (const { name } of database.query<{ name: Bytes }, []>(query).iterate())
            yield decode(name).text;
      },
      messages: async function* () {
        const list = COLUMNS.map((column) => bytesOf(column, columns)).join(', ');
        const query = `SELECT rowid AS row, ${list}, read_flag FROM messages ORDER BY rowid`;
        for (const row of database.query<Row, []>(query).iterate())
          yield messageOf(row, { decode, renames, files, now: source.now });
      },
    };
  },
};

function hasTable({ database }: Source, name: string): boolean {
  return (
    database
      .query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = ?1")
      .get(name) !== null
  );
}

interface Rename {
  readonly name: string;
  readonly at: number;
}

function renamesOf({ database, now }: Source, decode: Decode): ReadonlyMap<string, Rename> {
  const renames = new Map<string, Rename>();
  for (const row of database.query<{ old: Bytes; new: Bytes; at: Bytes }, []>(RENAMES).iterate()) {
    const at = timeOf(decode(row.at).text, now);
    if (at !== undefined) renames.set(decode(row.old).text, { name: decode(row.new).text, at });
  }
  return renames;
}

/** Whose mail it is now. What came for a name more than two hours after it was left is somebody else's. */
function whoseNow(name: string, sentAt: number | undefined, renames: ReadonlyMap<string, Rename>): string {
  const passed = new Set<string>();
  let current = name;
  for (;;) {
    const next = renames.get(current);
    if (next === undefined || passed.has(current)) return current;
    if (sentAt !== undefined && sentAt > next.at + FORWARDED_MS) return current;
    passed.add(current);
    current = next.name;
  }
}

function messageOf(
  row: Row,
  around: {
    decode: Decode;
    renames: ReadonlyMap<string, Rename>;
    files: readonly string[];
    now: number;
  },
): ForeignMessage {
  const { decode, renames, files, now } = around;
  const found: Remark[] = [];
  const text = (bytes: Bytes): string => {
    const { text: decoded, damaged } = decode(bytes);
    if (damaged && !found.includes('bytes')) found.push('bytes');
    return decoded;
  };
  const [from, to, content, timestamp] = [
    text(row.from_id),
    text(row.to_id),
    text(row.content),
    text(row.timestamp),
  ];
  const sentAt = timeOf(timestamp, now);
  if (sentAt === undefined) found.push('time');
  const path = text(row.large_file_path);
  const whole = path === '' ? undefined : wholeText(path, files, text);
  if (path !== '' && whole === undefined) found.push('file');
  return {
    identity: [row.row.toString(), from, to, timestamp, content],
    sender: from,
    to: whoseNow(to, sentAt, renames),
    sentAt,
    read: row.read_flag !== null && Number(row.read_flag) !== 0,
    readAt: undefined,
    body: whole ?? content,
    data: row.data === null ? undefined : text(row.data),
    remarks: found,
  };
}

// ---- long texts --------------------------------------------------------------------------------------

const HEAD = /^# IPC Message\r?\n(?:(?:From|To|Time|Size): .*\r?\n)*\r?\n## Content\r?\n/;
const LARGEST = 268_435_456;

/** Where that system kept them. A row that names another file would bring it before a model. */
function largeMessageFolders({ folder, userHome }: Source): readonly string[] {
  return [folder, join(userHome, '.claude-ipc-data')].flatMap((place) => {
    try {
      return [realpathSync(join(place, 'large-messages')) + sep];
    } catch {
      return [];
    }
  });
}

function wholeText(
  path: string,
  folders: readonly string[],
  decode: (bytes: Uint8Array) => string,
): string | undefined {
  try {
    const real = realpathSync(path);
    const facts = statSync(real);
    if (!facts.isFile() || facts.size > LARGEST) return undefined;
    if (!folders.some((folder) => real.startsWith(folder))) return undefined;
    const text = decode(readFileSync(real));
    // The file ends with a newline that is not the message's.
    return HEAD.test(text) ? text.replace(HEAD, '').replace(/\n$/, '') : text;
  } catch {
    return undefined;
  }
}
