/** A delivery that leads to another message than its index says: not handed over, and put right by a repair. */
import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { openStore } from '../../src/store/open.ts';
import { rebuild } from '../../src/store/salvage/rebuild.ts';
import { systemIds } from '../../src/system/ids.ts';
import { openTown } from '../contract/town.ts';
import { temporaryHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

const PAGE = 4_096;

/** Changes rows of deliveries and leaves their index as it was, which a wrong bit does and no statement can. */
function misleading(path: string, statement: string): void {
  const before = readFileSync(path);
  const database = new Database(path);
  database.run(statement);
  const index = "SELECT rootpage AS root FROM sqlite_schema WHERE name = 'delivery_message'";
  const { root } = database.query<{ root: number }, []>(index).get() ?? { root: 0 };
  database.run('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const after = readFileSync(path);
  // Of a few deliveries it is one page.
  before.copy(after, (root - 1) * PAGE, (root - 1) * PAGE, root * PAGE);
  writeFileSync(path, after);
}

const OF = (body: string): string => `(SELECT seq FROM message WHERE body = '${body}')`;

test.each([
  ['to one that was sent to somebody else, as long as its own', `message = ${OF('cyd 1')}`],
  ['from a number that is not its own', 'place = place + 1000'],
])('a delivery that leads %s', async (_, change) => {
  await using home = await temporaryHome();
  const path = home.paths.database;
  const town = await openTown(() => openStore({ path }));
  const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
  await town.agent('cyd');
  for (const nth of [1, 2]) for (const to of ['bob', 'cyd']) await town.send(ann, to, `${to} ${nth}`);
  await town[Symbol.asyncDispose]();
  misleading(path, `UPDATE delivery SET ${change} WHERE message = ${OF('bob 1')}`);

  const damaged = await openTown(() => openStore({ path }));
  expect(await rejection(damaged.fetch(bob))).toMatchObject({ code: 'store_damaged' });
  await damaged.store.close().catch(() => undefined);

  const target = `${home.path}/repaired.db`;
  const now = Date.now();
  rebuild({ sources: [path], target, mark: null, idOf: systemIds.derived, keyOf: () => null, now });
  await using repaired = await openTown(() => openStore({ path: target }));
  expect((await repaired.take(bob)).toSorted()).toEqual(['bob 1', 'bob 2']);
});
