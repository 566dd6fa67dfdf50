/**
 * What the product is measured against: a broker as such brokers are written, Bun.serve in front of
 * SQLite with full sync, one insert a request. Arguments: the path of its socket and of its database.
 */
import { Database } from 'bun:sqlite';

const [path, file] = process.argv.slice(2);
if (path === undefined || file === undefined) throw new Error('wanted a socket and a database');

const database = new Database(file, { create: true, strict: true });
database.run('PRAGMA journal_mode = WAL');
database.run('PRAGMA synchronous = FULL');
database.run(
  'CREATE TABLE message (id TEXT PRIMARY KEY, recipient TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL, read_at INTEGER)',
);
database.run('CREATE INDEX message_unread ON message (recipient, sent_at) WHERE read_at IS NULL');
const insert = database.query(
  'INSERT INTO message (id, recipient, body, sent_at) VALUES ($id, $to, $body, $now)',
);

interface Sending {
  readonly id: string;
  readonly to: string;
  readonly body: string;
}

Bun.serve({
  unix: path,
  routes: {
    '/send': {
      POST: async (request) => {
        const sending = (await request.json()) as Sending;
        insert.run({ id: sending.id, to: sending.to, body: sending.body, now: Date.now() });
        return Response.json({ id: sending.id });
      },
    },
  },
});
process.stdout.write('ready\n');
