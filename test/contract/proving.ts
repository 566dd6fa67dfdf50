/** Evidence: what a model was handed, what it is known to have seen, and which doors that proves (design §2). */
import { describe, expect, test } from 'bun:test';
import type { AgentId } from '../../src/core/records/agents.ts';
import type { Door } from '../../src/protocol/model.ts';
import { DAY, HOUR, openTown, type OpenEngine, type Town } from './town.ts';

async function hand(town: Town, [from, to]: readonly [AgentId, AgentId], door: Door): Promise<string> {
  const { id } = await town.send(from, 'bob', `by ${door}`);
  await town.confirm(to, await town.fetch(to), { door });
  return id;
}

export function provingContract(open: OpenEngine): void {
  describe('proving', () => {
    test('what a tool or hook handed over and nobody saw is told on request, newest first', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const unproven = async () =>
        (await town.fetch(bob, { unproven: { since: town.now - DAY, limit: 50 } })).unproven;
      expect(await unproven()).toEqual([]);
      const byTool = await hand(town, [ann, bob], 'tool');
      await hand(town, [ann, bob], 'cli');
      town.pass(HOUR);
      const byHook = await hand(town, [ann, bob], 'hook');
      expect(await unproven()).toEqual([
        { id: byHook, door: 'hook' },
        { id: byTool, door: 'tool' },
      ]);
      expect((await town.fetch(bob)).unproven).toEqual([]);
      expect((await town.fetch(ann, { unproven: { since: 0, limit: 50 } })).unproven).toEqual([]);
    });

    test('it is told beside messages, in a peek and during a pause too', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const id = await hand(town, [ann, bob], 'hook');
      const unproven = { since: 0, limit: 50 };
      await town.send(ann, 'bob', 'another');
      const told = [{ id, door: 'hook' }] as const;
      expect(await town.fetch(bob, { unproven, peek: true })).toMatchObject({ unproven: told });
      expect(await town.fetch(bob, { unproven })).toMatchObject({ deliveries: [{}], unproven: told });
      await town.store.pause({ agent: bob, until: town.now + HOUR, now: town.now });
      expect(await town.fetch(bob, { unproven })).toMatchObject({ deliveries: [], unproven: told });
    });

    test('once seen, acknowledged, answered or a day old it is not told any more', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const old = await hand(town, [ann, bob], 'hook');
      town.pass(DAY);
      const [seen, acked, answered] = [
        await hand(town, [ann, bob], 'hook'),
        await hand(town, [ann, bob], 'tool'),
        await hand(town, [ann, bob], 'tool'),
      ];
      const told = async (since: number) =>
        (await town.fetch(bob, { unproven: { since, limit: 50 } })).unproven.map(({ id }) => id);
      expect((await told(town.now - DAY)).toSorted()).toEqual([old, seen, acked, answered].toSorted());
      expect(await told(town.now - DAY + 1)).toHaveLength(3);
      await town.store.confirm({
        agent: bob,
        reader: 'reader-one',
        door: 'hook',
        stage: 'seen',
        deliveries: [{ id: seen, attempt: 0 }],
        now: town.now,
      });
      await town.store.ack({ agent: bob, ids: [acked], now: town.now });
      await town.reply(bob, answered, 'yes');
      expect(await told(town.now - DAY + 1)).toEqual([]);
    });

    test('only the newest so many are told', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const ids: string[] = [];
      for (let nth = 0; nth < 5; nth += 1) {
        town.pass(1_000);
        ids.push(await hand(town, [ann, bob], 'tool'));
      }
      const { unproven } = await town.fetch(bob, { unproven: { since: 0, limit: 2 } });
      expect(unproven.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, 2));
    });

    test('a delivery says which doors have offered it already', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      const peek = await town.fetch(bob, { peek: true });
      expect(peek.deliveries[0]?.offeredBy).toEqual([]);
      for (const door of ['monitor', 'notice'] as const)
        await town.confirm(bob, peek, { stage: 'offered', door });
      expect((await town.fetch(bob)).deliveries[0]?.offeredBy).toEqual(['monitor', 'notice']);
      const query = { agent: bob, after: 0, limit: 10, unreadOnly: false, now: town.now };
      expect((await town.store.arrivals(query))[0]?.offeredBy).toEqual(['monitor', 'notice']);
    });

    test('whoever follows along says that it took what it was offered there, without a lease', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const peek = await town.fetch(bob, { peek: true });
      const handed = { stage: 'handed', door: 'sse' } as const;
      expect(await town.confirm(bob, peek, handed)).toEqual({ confirmed: [], lost: [id] });
      await town.confirm(bob, peek, { stage: 'offered', door: 'sse' });
      const fetched = await town.fetch(bob, { reader: 'reader-two' });
      expect(await town.confirm(bob, peek, handed)).toEqual({ confirmed: [], lost: [id] });
      await town.store.abandon({ reader: 'reader-two' });
      for (const _ of ['once', 'and again, as after a lost answer'])
        expect(await town.confirm(bob, peek, handed)).toEqual({ confirmed: [id], lost: [] });
      expect(await town.receipt(ann, id)).toMatchObject({ state: 'handed', door: 'sse' });
      expect(await town.profile('bob')).toMatchObject({ waiting: 0, confirmedDoors: ['sse'] });
      expect(fetched.deliveries).toHaveLength(1);
    });

    for (const door of ['channel', 'monitor', 'queue'] as const) {
      test(`seen by the ${door} proves the ${door}, and an offer alone proves nothing`, async () => {
        await using town = await openTown(open);
        const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
        await town.send(ann, 'bob', 'hello');
        const fetched = await town.fetch(bob);
        await town.confirm(bob, fetched, { stage: 'offered', door });
        expect(await town.profile('bob')).toMatchObject({ confirmedDoors: [] });
        await town.confirm(bob, fetched, { door: 'hook' });
        // Found in the transcript only after the hook had handed it over.
        await town.confirm(bob, fetched, { stage: 'seen', door });
        await town.confirm(bob, fetched, { stage: 'seen', door });
        expect(await town.profile('bob')).toMatchObject({ confirmedDoors: ['hook', door] });
      });
    }

    test('a confirmation that proves nothing proves no door either', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      const peeked = await town.fetch(bob, { peek: true });
      await town.confirm(bob, peeked, { door: 'tool' });
      await town.confirm(bob, { deliveries: [] }, { door: 'channel', stage: 'seen' });
      expect(await town.profile('bob')).toMatchObject({ confirmedDoors: [] });
    });
  });
}
