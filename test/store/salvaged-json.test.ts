/** A message whose words JSON cannot read any more is found by a look at the store, and read after the repair. */
import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { examineStore } from '../../src/store/salvage/examine.ts';
import { rebuild } from '../../src/store/salvage/rebuild.ts';
import { openStore } from '../../src/store/open.ts';
import { systemIds } from '../../src/system/ids.ts';
import { openTown } from '../contract/town.ts';
import { rejection } from '../support/rejection.ts';
import { temporaryHome } from '../support/home.ts';

test.each([
  ['addressed', '["bob"}', ['bob'], 0],
  ['addressed', '[#bob"]', ['bob'], 0],
  // It had none: without them its digest is the one it was sent with.
  ['attachments', '[{]', ['bob'], 0],
  ['data', '{"one":', ['bob'], 1],
] as const)('%s as %s', async (column, spoilt, to, altered) => {
  await using home = await temporaryHome();
  const { database, blobs } = home.paths;
  const town = await openTown(() => openStore({ path: database }));
  const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
  for (const body of ['one', 'two']) await town.send(ann, 'bob', body, { data: '{"nth":1}' });
  await town[Symbol.asyncDispose]();
  const damaged = new Database(database);
  damaged.run(`UPDATE message SET ${column} = ?1 WHERE body = 'one'`, [spoilt]);
  damaged.close();

  const { ofStore } = await examineStore({ database, blobs, depth: 'full' });
  expect(ofStore.join()).toContain('not as they were sent');
  const target = `${home.path}/repaired.db`;
  const [sources, now] = [[database], Date.now()];
  const done = rebuild({ sources, target, mark: null, idOf: systemIds.derived, keyOf: () => null, now });
  expect(done.altered).toHaveLength(altered);
  await using repaired = await openTown(() => openStore({ path: target }));
  const { deliveries } = await repaired.fetch(bob);
  expect(deliveries.map(({ message }) => message.body).slice(0, 2)).toEqual(['one', 'two']);
  expect(deliveries[0]?.message.to).toEqual([...to]);
});

test('before the repair it is told as damage of the store', async () => {
  await using home = await temporaryHome();
  await using town = await openTown(() => openStore({ path: home.paths.database }));
  const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
  await town.send(ann, 'bob', 'one');
  const other = new Database(home.paths.database);
  other.run('UPDATE message SET addressed = ?1', ['["bob"}']);
  other.close();
  expect(await rejection(town.fetch(bob))).toMatchObject({ code: 'store_damaged' });
});
