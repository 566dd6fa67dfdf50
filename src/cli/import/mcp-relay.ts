/**
 * mcp-relay: `~/.relay_buffer.db`. Two sides, `desktop` and `code`; what one wrote is for the other, with
 * the time at which that one read it. Times are in UTC.
 */
import {
  bytesOf,
  decoderOf,
  timeOf,
  type Bytes,
  type Decode,
  type ForeignMessage,
  type ForeignSystem,
  type Remark,
} from './foreign.ts';

const COLUMNS = ['sender', 'message', 'timestamp', 'read_by_desktop_at', 'read_by_code_at'] as const;
type Row = Record<(typeof COLUMNS)[number], Bytes> & { row: bigint };

export const mcpRelay: ForeignSystem = {
  name: 'mcp-relay',
  columns: ['sender', 'message', 'timestamp'],
  place: '.relay_buffer.db',
  open: ({ database, columns, now }) => {
    const decode = decoderOf(database);
    return {
      names: () => ['code', 'desktop'],
      messages: async function* () {
        const list = COLUMNS.map((column) => bytesOf(column, columns)).join(', ');
        const query = `SELECT rowid AS row, ${list} FROM messages ORDER BY rowid`;
        for (const row of database.query<Row, []>(query).iterate()) yield messageOf(row, decode, now);
      },
    };
  },
};

function messageOf(row: Row, decode: Decode, now: number): ForeignMessage | undefined {
  const sender = decode(row.sender).text;
  if (sender !== 'desktop' && sender !== 'code') return undefined;
  const { text: message, damaged } = decode(row.message);
  const timestamp = decode(row.timestamp).text;
  const read = decode(sender === 'desktop' ? row.read_by_code_at : row.read_by_desktop_at).text;
  const sentAt = utc(timestamp, now);
  const found: Remark[] = [];
  if (damaged) found.push('bytes');
  if (sentAt === undefined) found.push('time');
  return {
    identity: [row.row.toString(), sender, timestamp, message],
    sender,
    to: sender === 'desktop' ? 'code' : 'desktop',
    sentAt,
    read: read !== '',
    readAt: utc(read, now),
    body: message,
    data: undefined,
    remarks: found,
  };
}

function utc(text: string, now: number): number | undefined {
  return timeOf(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`, now);
}
