/** Query plans: every statement the store prepares is asked how it will be run. */
import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, spyOn, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.ts';
import { compose, everything, named, openTown } from '../contract/town.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipc-engine-'));
  path = join(folder, 'ipc.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('no step of a send, a check or a sweep reads messages or deliveries from end to end', async () => {
  const prepare = spyOn(Database.prototype, 'prepare');
  await using town = await openTown(() => openStore({ path }));
  const [ann, bob] = [await town.agent('ann', 'agent'), await town.agent('bob', 'agent')];
  const { id, thread } = await town.send(ann, ['bob', '@all', '#t'], 'hello', { expiresAt: town.now + 1 });
  await town.store.cancel({ sender: ann, id, now: town.now });
  await town.send(ann, 'bob', 'hello', { notBefore: town.now + 1, intent: 'request' });
  await town.send(ann, 'bob', 'hello');
  const unproven = { since: 0, limit: 50 };
  for (const more of [{}, { thread }, { replyTo: id }, { from: named('ann') }, { unproven }])
    await town.fetch(bob, more);
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
  const [evidence = ''] = statements.filter((text) => text.includes("d.door IN ('tool', 'hook')"));
  const how = plans.query<{ detail: string }, string[]>(`EXPLAIN QUERY PLAN ${evidence}`).all('', '', '');
  plans.close();
  expect(how.map(({ detail }) => detail)).toEqual([
    'SEARCH d USING INDEX delivery_unproven (agent=? AND handed_at>?)',
    'SEARCH m USING INTEGER PRIMARY KEY (rowid=?)',
  ]);
  expect(statements.length).toBeGreaterThan(60);
  expect(scans).toEqual([]);
});
