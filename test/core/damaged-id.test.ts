/** A message whose id is damaged in the store is told to be damage before anybody is handed it. */
import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { operations } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';
import { openWorld } from './world.ts';

test('an id that is none can be confirmed by nobody, so the message is not handed over', async () => {
  await using home = await temporaryHome();
  const world = openWorld(await openStore({ path: home.paths.database }));
  const [script, olga] = [await world.enter('script', 'script'), await world.enter('olga', 'human')];
  await script.handlers.send(operations.send.input.parse({ to: ['olga'], body: 'one' }), {});
  const beside = new Database(home.paths.database);
  beside.run('UPDATE message SET id = substr(id, 1, 20) || char(18) || substr(id, 22)');
  beside.close();
  const check = olga.handlers.check(operations.check.input.parse({ reader: 'reader-one' }), {});
  expect(await rejection(check)).toMatchObject({ code: 'store_damaged' });
  await world.store.close();
});
