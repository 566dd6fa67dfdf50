/** The file of the embedded engine: what survives a restart, what is refused, what is written when. */
import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
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
import { migrate, migrations } from '../../src/store/engine/migrate.ts';
import { openStore } from '../../src/store/open.ts';
import { openSql } from '../../src/store/engine/connection.ts';
import { DAY, everything, granted, keyOf, named, openTown } from '../contract/town.ts';

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
