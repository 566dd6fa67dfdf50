/** Of two processes that have one store open, only the one that opened it last writes. */
import { expect, test } from 'bun:test';
import { openSql, type Sql } from '../../src/store/engine/connection.ts';
import { migrate } from '../../src/store/engine/migrate.ts';
import { nameStore, takeOver } from '../../src/store/engine/owner.ts';
import { openStore } from '../../src/store/open.ts';
import { openTown } from '../contract/town.ts';
import { rejection } from '../support/rejection.ts';
import { temporaryHome } from '../support/home.ts';
import { thrownBy } from '../support/thrown.ts';

const refused = { code: 'busy', details: { notBegun: true } };

test('a store that another process has opened is not written any more, and its owner hears of it', async () => {
  await using home = await temporaryHome();
  const path = home.paths.database;
  let taken = 0;
  const first = await openTown(() => openStore({ path, taken: () => (taken += 1) }));
  const ann = await first.agent('ann');
  await first.send(ann, 'bob', 'by the first');
  await using second = await openTown(() => openStore({ path }));
  expect(await rejection(first.send(ann, 'bob', 'too late'))).toMatchObject(refused);
  expect(taken).toBe(1);
  await first.store.close().catch(() => undefined);
  expect(await second.take(await second.agent('bob'))).toEqual(['by the first']);
});

/** A connection with a disk that is full as long as `full` says so. */
function onFullDisk(path: string) {
  const sql = openSql(path);
  migrate(sql);
  sql.script('CREATE TABLE IF NOT EXISTS filler (bytes BLOB)');
  const state = { full: true };
  nameStore(sql);
  const run: Sql['run'] = (text, ...values) => {
    if (state.full && text.startsWith('UPDATE')) {
      sql.script('PRAGMA max_page_count = 1');
      return sql.run('INSERT INTO filler VALUES (zeroblob(100000))');
    }
    return sql.run(text, ...values);
  };
  return {
    state,
    sql: {
      ...sql,
      run,
      get inTransaction() {
        return sql.inTransaction;
      },
    } as Sql,
  };
}

test('where the disk is full a store is opened all the same, and taken over when there is room', async () => {
  await using home = await temporaryHome();
  const { state, sql } = onFullDisk(home.paths.database);
  const owner = takeOver(sql);
  expect(thrownBy(() => owner.check())).toMatchObject({ code: 'SQLITE_FULL' });
  state.full = false;
  sql.script('PRAGMA max_page_count = 1000000');
  owner.check();
  owner.check();
  // Not before somebody else has come: the first is refused then, whether it had room or not.
  const late = onFullDisk(home.paths.database);
  const third = takeOver(late.sql);
  const other = openSql(home.paths.database);
  takeOver(other).check();
  expect(thrownBy(() => owner.check())).toMatchObject(refused);
  expect(thrownBy(() => third.check())).toMatchObject(refused);
  for (const each of [sql, late.sql, other]) each.close();
});
