/** Names that change: renamed, forwarded for a while, removed (design §5). */
import { describe, expect, test } from 'bun:test';
import { claim } from './names.ts';
import { DAY, HOUR, granted, keyOf, named, openTown, type OpenEngine, type Town } from './town.ts';

function rename(town: Town, agent: Parameters<Town['fetch']>[0], name: string) {
  const notice = { id: `renamed-${name}-${town.now}`, body: `now ${name}` };
  const times = { until: town.now + 2 * HOUR, tellSince: town.now - 7 * DAY, now: town.now };
  return town.store.rename({ agent, name: named(name), notice, ...times });
}

export function renamingContract(open: OpenEngine): void {
  describe('renaming', () => {
    test('mailbox, topics, threads and receipts follow; the old name forwards for two hours (D12, D13)', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const before = await town.send(ann, 'bob', 'before');
      await town.store.join({ agent: bob, topic: named('reviews'), now: town.now });
      expect(granted(await rename(town, bob, 'barney')).from).toBe('bob');
      const after = await town.send(ann, 'BOB', 'after');
      expect(after.deliveries).toMatchObject([{ agent: bob, name: 'barney', asked: 'BOB', forwarded: true }]);
      await town.send(ann, '#reviews', 'to the topic');
      expect(await town.take(bob)).toEqual(['before', 'after', 'to the topic']);
      expect(await town.receipt(ann, before.id)).toMatchObject({ to: 'barney', state: 'handed' });
      expect(await town.profile('bob')).toMatchObject({
        id: bob,
        name: 'barney',
        forwards: ['bob'],
        topics: ['reviews'],
      });
      expect(await town.agent('bob')).toBe(bob);
      town.pass(2 * HOUR);
      expect((await town.send(ann, 'bob', 'too late')).deliveries).toMatchObject([{ unborn: true }]);
    });

    test('a chain of renames forwards from every link', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('one')];
      for (const name of ['two', 'three', 'four']) granted(await rename(town, bob, name));
      for (const name of ['one', 'two', 'three', 'four']) await town.send(ann, name, `for ${name}`);
      expect(await town.take(bob)).toHaveLength(4);
    });

    test('nobody captures a forwarding name, and its own agent takes it back', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      const eve = await town.agent('eve');
      granted(await rename(town, bob, 'barney'));
      const entrance = {
        name: named('bob'),
        keyHash: keyOf('eve'),
        kind: 'script',
        own: true,
        now: town.now,
      } as const;
      expect(await town.store.enter(entrance)).toMatchObject({ ok: false, code: 'name_forwarding' });
      expect(await claim(town, 'bob', { keyHash: keyOf('eve') })).toMatchObject({
        ok: false,
        code: 'name_forwarding',
      });
      expect(await rename(town, eve, 'bob')).toMatchObject({ ok: false, code: 'name_forwarding' });
      const mine = await town.store.enter({ ...entrance, keyHash: keyOf('bob') });
      expect(mine).toMatchObject({ ok: true, agent: { name: 'barney' } });
      expect(granted(await claim(town, 'bob')).agent).toMatchObject({ id: bob, name: 'bob' });
      expect((await town.send(eve, 'barney', 'x')).deliveries).toMatchObject([
        { agent: bob, forwarded: true },
      ]);
      granted(await rename(town, bob, 'barney'));
      expect((await town.profile('barney'))?.forwards).toEqual(['bob']);
    });

    test('a name in use is refused', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      await town.agent('ann');
      expect(await rename(town, bob, 'ANN')).toMatchObject({ ok: false, code: 'name_taken' });
      expect((await town.profile('bob'))?.name).toBe(named('bob'));
    });

    test('a change of case alone forwards nothing', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      granted(await rename(town, bob, 'Bob'));
      expect(await town.profile('bob')).toMatchObject({ name: 'Bob', forwards: [] });
    });

    test('mail that waited for the new name is kept and found (D6)', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'barney', 'early bird');
      await town.send(ann, ['bob', 'barney'], 'both of you');
      await town.store.search({ viewer: ann, text: 'early', limit: 1 });
      granted(await rename(town, bob, 'barney'));
      expect(await town.profile('barney')).toMatchObject({ id: bob, waiting: 2 });
      expect([...(await town.take(bob))].sort()).toEqual(['both of you', 'early bird']);
      expect(granted(await town.store.search({ viewer: bob, text: 'early', limit: 5 })).found).toHaveLength(
        1,
      );
    });

    test('everyone who wrote to it lately is told, once', async () => {
      await using town = await openTown(open);
      const [old, ann, bob] = [await town.agent('old'), await town.agent('ann'), await town.agent('bob')];
      await town.send(old, 'bob', 'long ago');
      town.pass(8 * DAY);
      await town.send(ann, 'bob', 'one');
      await town.send(ann, 'bob', 'two');
      await town.send(bob, 'bob', 'to myself');
      expect(granted(await rename(town, bob, 'barney')).wake).toEqual([ann]);
      expect(await town.take(ann)).toEqual(['now barney']);
      expect(await town.take(old)).toEqual([]);
    });
  });

  describe('removing an agent', () => {
    test('its unread mail is refused, what it sent stays readable, and its name is free', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const said = await town.send(bob, 'ann', 'from bob');
      const unread = await town.send(ann, 'bob', 'for bob');
      const removed = granted(
        await town.store.remove({ name: named('bob'), force: false, deadAnchor: null, now: town.now }),
      );
      expect(removed).toMatchObject({ agent: bob, name: 'bob', discarded: 1 });
      expect(await town.receipt(ann, unread.id)).toMatchObject({ to: 'bob', state: 'refused' });
      const fetched = await town.fetch(ann);
      expect(fetched.deliveries).toMatchObject([{ message: { id: said.id, from: { name: 'bob' } } }]);
      const fresh = await town.agent('bob', 'script', 'another owner');
      expect(fresh).not.toBe(bob);
      expect(await town.take(fresh)).toEqual([]);
    });

    test('a live one stays unless forced', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      await town.store.attach(town.session(bob, 'session'), town.now + 60_000);
      const step = { name: named('bob'), now: town.now };
      expect(await town.store.remove({ ...step, force: false, deadAnchor: null })).toMatchObject({
        ok: false,
        code: 'name_live',
      });
      granted(await town.store.remove({ ...step, force: true, deadAnchor: null }));
      expect(await town.store.remove({ ...step, force: true, deadAnchor: null })).toMatchObject({
        ok: false,
        code: 'no_such_agent',
      });
    });
  });
}
