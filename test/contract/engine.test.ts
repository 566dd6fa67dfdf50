/** What is the embedded engine's own: its file, its schema, its transactions. */
import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCommitter } from '../../src/store/commit.ts';
import { migrate, migrations, schemaVersion } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open.ts';
import { openSql } from '../../src/store/sql.ts';
import { DAY, compose, everything, granted, keyOf, named, openTown } from './town.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipc-engine-'));
  path = join(folder, 'ipc.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

describe('the file', () => {
  test('keeps everything over a restart: mail, names, leases, pauses, the search index', async () => {
    const first = await openTown(() => openStore({ path }));
    const [ann, bob] = [await first.agent('ann'), await first.agent('bob')];
    const times = { until: first.now + DAY, tellSince: 0, now: first.now };
    granted(
      await first.store.rename({ agent: bob, name: named('rob'), notice: { id: 'n', body: 'n' }, ...times }),
    );
    await first.send(ann, 'rob', 'leased');
    await first.fetch(bob);
    await first.send(ann, 'rob', 'free');
    await first[Symbol.asyncDispose]();

    await using second = await openTown(() => openStore({ path }));
    expect(await second.agent('bob')).toBe(bob);
    expect((await second.fetch(bob, { reader: 'reader-two' })).deliveries).toMatchObject([
      { message: { body: 'free' }, attempt: 1 },
    ]);
    expect(await second.take(bob)).toEqual(['leased']);
    const { found } = granted(await second.store.search({ viewer: bob, text: 'leased', limit: 5 }));
    expect(found).toHaveLength(1);
  });

  test('is its owner’s alone', async () => {
    await using town = await openTown(() => openStore({ path }));
    await town.agent('ann');
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('of a newer schema is refused and left as it is', async () => {
    const newer = openSql(path);
    migrate(newer, [...migrations, 'CREATE TABLE later (x) STRICT;'.replace('(x)', '(x TEXT)')]);
    newer.close();
    const before = readFileSync(path);
    expect(await failure(openStore({ path }))).toMatchObject({ code: 'store_newer' });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('that is no database, or only half of one, is refused as damaged', async () => {
    const town = await openTown(() => openStore({ path }));
    await town.send(await town.agent('ann'), 'bob', 'x'.repeat(100_000));
    await town[Symbol.asyncDispose]();
    truncateSync(path, Math.floor(statSync(path).size / 2));
    expect(await failure(openStore({ path }))).toMatchObject({ code: 'store_damaged' });
    writeFileSync(path, 'this is not what it was'.repeat(1_000));
    expect(await failure(openStore({ path }))).toMatchObject({ code: 'store_damaged' });
  });

  test('that was deleted or replaced while in use takes nothing more', async () => {
    for (const replace of [false, true]) {
      const file = join(folder, `gone-${replace}.db`);
      const store = await openStore({ path: file });
      renameSync(file, `${file}.away`);
      if (replace) writeFileSync(file, '');
      const entrance = {
        name: named('ann'),
        keyHash: keyOf('ann'),
        kind: 'script',
        own: true,
        now: 1,
      } as const;
      expect(await failure(store.enter(entrance))).toMatchObject({ code: 'store_damaged' });
      await failure(store.close());
    }
  });

  test('stepping in under a known name writes nothing', async () => {
    await using town = await openTown(() => openStore({ path }));
    const bob = await town.agent('bob');
    const written = (): number => statSync(`${path}-wal`).size;
    const before = written();
    await town.agent('bob');
    await town.fetch(bob);
    await town.store.attach(town.session(bob, 'session'), town.now + 1);
    await town.store.detach({ session: 'session', now: town.now });
    expect(written()).toBe(before);
  });

  test('a sweep with nothing to do writes nothing', async () => {
    await using town = await openTown(() => openStore({ path }));
    const ann = await town.agent('ann');
    for (let nth = 0; nth < 20; nth += 1) {
      await town.send(ann, 'ann', `message ${nth}`);
      await town.sweep();
    }
    while ((await town.sweep()).more);
    const before = statSync(`${path}-wal`).size;
    town.pass(DAY);
    expect(await town.sweep()).toMatchObject({ more: false });
    expect(statSync(`${path}-wal`).size).toBe(before);
  });

  test('damage that only a check can see is found by it', async () => {
    const town = await openTown(() => openStore({ path }));
    await town.send(await town.agent('ann'), 'ann', 'hello');
    const intruder = new Database(path);
    intruder.run("UPDATE agent SET waiting = 7 WHERE name = 'ann'");
    intruder.close();
    expect((await town.store.verify()).problems.join()).toContain('ann');
    await town.store.close();
  });

  test('is copied while in use, with the names of its blobs', async () => {
    await using town = await openTown(() => openStore({ path }));
    const ann = await town.agent('ann');
    await town.send(ann, 'ann', 'kept', { attachments: [{ sha256: 'd'.repeat(64), size: 1 }] });
    const copy = await town.store.backup('copy.db');
    expect(copy).toEqual({
      path: join(folder, 'backups', 'copy.db'),
      bytes: statSync(copy.path).size,
      blobs: ['d'.repeat(64)],
    });
    await using other = await openTown(() => openStore({ path: copy.path }));
    expect(await other.store.past(everything)).toMatchObject([{ message: { body: 'kept' } }]);
    expect(await failure(town.store.backup('copy.db'))).toMatchObject({ code: 'cannot_create' });
    expect(await failure(town.store.backup('../out.db'))).toMatchObject({ code: 'cannot_create' });
    expect(existsSync(join(folder, 'out.db'))).toBe(false);
  });
});

describe('migrations', () => {
  test('run once each, in order, and one that fails leaves what was before it', () => {
    const sql = openSql(':memory:');
    const steps = ['CREATE TABLE one (x TEXT) STRICT;', 'CREATE TABLE two (x TEXT) STRICT;'];
    migrate(sql, steps.slice(0, 1));
    migrate(sql, steps);
    expect(schemaVersion(sql)).toBe(2);
    expect(() => migrate(sql, [...steps, 'CREATE TABLE three (x TEXT) STRICT; nonsense;'])).toThrow();
    expect(schemaVersion(sql)).toBe(2);
    expect(sql.all("SELECT name FROM sqlite_master WHERE name = 'three'")).toEqual([]);
    sql.close();
  });
});

describe('group commit', () => {
  function table() {
    const sql = openSql(':memory:');
    sql.script('CREATE TABLE t (x INTEGER UNIQUE) STRICT');
    let commits = 0;
    const committer = openCommitter(sql, { inspect: () => {}, beforeCommit: () => (commits += 1) });
    const insert = (x: number) => committer.write(() => sql.run('INSERT INTO t VALUES (?1)', x));
    const rows = () => sql.all<{ x: number }>('SELECT x FROM t ORDER BY x').map(({ x }) => x);
    return { sql, committer, insert, rows, commits: () => commits };
  }

  test('what is asked for in one turn is one transaction', async () => {
    const { insert, rows, commits, sql } = table();
    await Promise.all([3, 1, 2].map(insert));
    expect(rows()).toEqual([1, 2, 3]);
    expect(commits()).toBe(1);
    sql.close();
  });

  test('a step that throws undoes itself and touches no other', async () => {
    const { committer, insert, rows, sql } = table();
    const halfDone = committer.write(() => {
      sql.run('INSERT INTO t VALUES (10)');
      throw new Error('a fault of ours');
    });
    const outcomes = await Promise.allSettled([insert(1), halfDone, insert(1), insert(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { message: 'a fault of ours' } });
    expect(rows()).toEqual([1, 2]);
    sql.close();
  });

  test('a step that throws alone leaves nothing behind', async () => {
    const { committer, rows, sql, insert } = table();
    const halfDone = committer.write(() => {
      sql.run('INSERT INTO t VALUES (10)');
      throw new Error('a fault of ours');
    });
    expect(await failure(halfDone)).toMatchObject({ message: 'a fault of ours' });
    await insert(1);
    expect(rows()).toEqual([1]);
    sql.close();
  });

  test('a full disk fails the whole turn, as what it is; the next one is tried again', async () => {
    const { sql, insert, rows, committer } = table();
    sql.script('CREATE TABLE big (x TEXT) STRICT');
    const pages = sql.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    sql.script(`PRAGMA max_page_count = ${pages}`);
    const fill = committer.write(() => sql.run('INSERT INTO big VALUES (?1)', 'x'.repeat(100_000)));
    const outcomes = await Promise.allSettled([insert(1), fill]);
    expect(outcomes).toMatchObject([{ reason: { code: 'disk_full' } }, { reason: { code: 'disk_full' } }]);
    expect(rows()).toEqual([]);
    await insert(2);
    expect(rows()).toEqual([2]);
    sql.close();
  });
});

test('no step of a send, a check or a sweep reads messages or deliveries from end to end', async () => {
  const prepare = spyOn(Database.prototype, 'prepare');
  await using town = await openTown(() => openStore({ path }));
  const [ann, bob] = [await town.agent('ann', 'agent'), await town.agent('bob', 'agent')];
  const { id, thread } = await town.send(ann, ['bob', '@all', '#t'], 'hello', { expiresAt: town.now + 1 });
  await town.store.cancel({ sender: ann, id, now: town.now });
  await town.send(ann, 'bob', 'hello', { notBefore: town.now + 1, intent: 'request' });
  await town.send(ann, 'bob', 'hello');
  for (const more of [{}, { thread }, { replyTo: id }, { from: named('ann') }]) await town.fetch(bob, more);
  await town.take(bob);
  await town.reply(bob, 'last', 'hello');
  await town.store.pause({ agent: bob, until: null, now: town.now });
  await town.store.search({ viewer: bob, text: 'hello', limit: 1 });
  for (const query of [
    { viewer: bob },
    { viewer: bob, thread },
    { viewer: null, state: 'dead' as const },
    { id },
  ]) {
    await town.store.past({ ...everything, ...query });
  }
  await town.store.arrivals({ agent: bob, after: 0, limit: 1, unreadOnly: true, now: town.now });
  await town.store.remind({ agent: bob, now: town.now, compose });
  await town.store.clear({ agent: bob, now: town.now });
  await town.sweep();
  const statements = [...new Set(prepare.mock.calls.map(([text]) => text))];
  prepare.mockRestore();

  const plans = new Database(path, { readonly: true });
  const temporary = statements.filter((text) => text.startsWith('CREATE TEMP TABLE'));
  for (const text of temporary) plans.run(text);
  const scans = statements
    .filter((text) => /^(SELECT|INSERT|UPDATE|DELETE)/u.test(text))
    .flatMap((text) =>
      plans
        .query<{ detail: string }, string[]>(`EXPLAIN QUERY PLAN ${text}`)
        .all(...Array.from({ length: new Set(text.match(/\?\d+/gu)).size }, () => ''))
        .filter(({ detail }) => /^SCAN (m|d|message|delivery)\b/u.test(detail))
        .map(({ detail }) => `${detail} in ${text}`),
    );
  plans.close();
  expect(statements.length).toBeGreaterThan(60);
  expect(scans).toEqual([]);
});
