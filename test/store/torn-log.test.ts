/** A write-ahead log with frames cut off or destroyed, whose trees then are of different moments. */
import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { openSql } from '../../src/store/engine/connection.ts';
import { readMark } from '../../src/store/engine/mark.ts';
import { openStore } from '../../src/store/open.ts';
import { rebuild } from '../../src/store/salvage/rebuild.ts';
import { DAY, openTown } from '../contract/town.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';

const HEADER = 32;
const FRAME = 24 + 4_096;

let home: TestHome;
beforeEach(async () => {
  home = await temporaryHome();
});
afterEach(() => home[Symbol.asyncDispose]());

interface Row {
  readonly body: string;
  /** Null: it waits in no mailbox. */
  readonly agent: string | null;
  readonly attempts: number | null;
}

const WAITING = `SELECT m.body, a.name AS agent, d.attempts FROM message m
  LEFT JOIN delivery d ON d.message = m.seq AND d.state IN ('queued', 'offered')
  LEFT JOIN agent a ON a.id = d.agent WHERE m.sender_kind <> 'system' ORDER BY m.seq`;

/** What a repair makes of a killed store with this log. */
function repaired(files: { database: Buffer; log: Buffer }): readonly Row[] {
  const source = `${home.path}/damaged.db`;
  const target = `${home.path}/repaired.db`;
  writeFileSync(source, files.database);
  writeFileSync(`${source}-wal`, files.log);
  const mark = readMark(home.paths.database);
  const idOf = (...words: readonly string[]): string => words.join(' ');
  rebuild({ sources: [source], target, mark, idOf, keyOf: () => null, now: Date.UTC(2026, 6, 1) });
  const sql = new Database(target, { readonly: true });
  try {
    return sql.query<Row, []>(WAITING).all();
  } finally {
    sql.close();
  }
}

/** As a daemon that is killed at this moment leaves them. */
function killed(): { database: Buffer; log: Buffer } {
  const path = home.paths.database;
  return { database: readFileSync(path), log: readFileSync(`${path}-wal`) };
}

function checkpoint(): void {
  const sql = openSql(home.paths.database);
  sql.all('PRAGMA wal_checkpoint(RESTART)');
  sql.close();
}

/** The log without each of its frames, one after the other. */
function* withoutOne(log: Buffer): Generator<Buffer> {
  for (let at = HEADER; at + FRAME <= log.length; at += FRAME) {
    const bytes = Buffer.from(log);
    bytes.fill(0x5a, at, at + FRAME);
    yield bytes;
  }
}

function* cutInEachFrame(log: Buffer): Generator<Buffer> {
  for (let at = HEADER; at + FRAME <= log.length; at += FRAME) yield log.subarray(0, at + 1_000);
}

test.each([
  ['is cut off', cutInEachFrame],
  ['has lost one of its frames', withoutOne],
] as const)(
  'whatever is saved of a log that %s lies in the mailbox it was sent to, once',
  async (_, spoilt) => {
    await using town = await openTown(() => openStore({ path: home.paths.database }));
    const ann = await town.agent('ann');
    await town.agent('bob');
    await town.send(ann, 'bob', 'long before');
    checkpoint();
    for (let nth = 0; nth < 12; nth += 1) await town.send(ann, 'bob', `${nth} `.repeat(300 + nth * 100));
    const { database, log } = killed();
    let saved = 0;
    for (const bytes of spoilt(log)) {
      const rows = repaired({ database, log: bytes });
      expect(rows.filter(({ agent }) => agent !== 'bob')).toEqual([]);
      expect(new Set(rows.map(({ body }) => body)).size).toBe(rows.length);
      saved += rows.length;
    }
    expect(saved).toBeGreaterThan(12);
  },
  60_000,
);

test('what was deleted for its age does not come again with the older version of a page', async () => {
  await using town = await openTown(() => openStore({ path: home.paths.database }));
  const ann = await town.agent('ann');
  const bob = await town.agent('bob');
  await town.send(ann, 'bob', 'read and old');
  await town.take(bob);
  await town.send(ann, 'bob', 'unread');
  await town.sweep();
  checkpoint();
  town.pass(40 * DAY);
  let deleted = 0;
  for (let nth = 0; nth < 5; nth += 1) {
    town.pass(DAY);
    deleted += (await town.sweep()).deleted;
  }
  expect(deleted).toBe(1);
  const { database, log } = killed();
  for (const bytes of withoutOne(log)) {
    const waiting = repaired({ database, log: bytes }).filter(({ agent }) => agent !== null);
    expect(waiting.map(({ body }) => body)).toEqual(['unread']);
  }
}, 60_000);
