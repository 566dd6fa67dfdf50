/** A message whose id is damaged is saved under one that its reader can confirm. */
import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { isMessageId } from '../../src/protocol/message-id.ts';
import { rebuild } from '../../src/store/salvage/rebuild.ts';
import { openStore } from '../../src/store/open.ts';
import { systemIds } from '../../src/system/ids.ts';
import { openTown } from '../contract/town.ts';
import { temporaryHome } from '../support/home.ts';

test.each([
  ['is no id any more', (id: string) => `${id.slice(0, 20)}\u0012${id.slice(21)}`],
  ['is spelt otherwise', (id: string) => `${id.slice(0, -1)}A`],
  ['is gone', () => ''],
])('an id that %s', async (_, spoil) => {
  await using home = await temporaryHome();
  const town = await openTown(() => openStore({ path: home.paths.database }));
  const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
  for (const body of ['one', 'two']) await town.send(ann, 'bob', body);
  await town[Symbol.asyncDispose]();
  const damaged = new Database(home.paths.database);
  const { id } = damaged.query<{ id: string }, []>("SELECT id FROM message WHERE body = 'one'").get() ?? {
    id: '',
  };
  damaged.run("UPDATE message SET id = ?1 WHERE body = 'one'", [spoil(id)]);
  damaged.close();
  const target = `${home.path}/repaired.db`;
  const [sources, now] = [[home.paths.database], Date.now()];
  rebuild({ sources, target, mark: null, idOf: systemIds.derived, keyOf: () => null, now });
  await using repaired = await openTown(() => openStore({ path: target }));
  const { deliveries } = await repaired.fetch(bob);
  expect(deliveries.every(({ message }) => isMessageId(message.id) && message.id !== spoil(id))).toBe(true);
  expect(deliveries.map(({ message }) => message.body).slice(0, 2)).toEqual(['one', 'two']);
});
