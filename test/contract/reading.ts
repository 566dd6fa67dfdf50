/** fetch, confirm, ack: at least once to hand over, exactly once in effect (design §2, §6). */
import { describe, expect, test } from 'bun:test';
import { DAY, bodies, granted, openTown, type OpenEngine } from './town.ts';

export function readingContract(open: OpenEngine): void {
  describe('fetching', () => {
    test('the same reader gets the same again; another gets nothing while the lease runs', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (const body of ['one', 'two', 'three']) await town.send(ann, 'bob', body);
      const first = await town.fetch(bob, { limit: 2 });
      expect(bodies(first)).toEqual(['one', 'two']);
      expect(first).toMatchObject({ remaining: 1, held: 0, pausedUntil: null });
      const again = await town.fetch(bob, { limit: 2 });
      expect(again.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
      expect(bodies(again)).toEqual(['one', 'two']);
      const other = await town.fetch(bob, { reader: 'reader-two' });
      expect(bodies(other)).toEqual(['three']);
      expect(other.remaining).toBe(2);
    });

    test('a lease that ran out lets the message go to somebody else, marked by its attempt', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      const first = await town.fetch(bob);
      town.pass(30_000);
      const second = await town.fetch(bob, { reader: 'reader-two' });
      expect(second.deliveries).toMatchObject([{ attempt: 2 }]);
      expect(await town.confirm(bob, first)).toMatchObject({ confirmed: [], lost: ['message-1'] });
      expect(await town.confirm(bob, second, { reader: 'reader-two' })).toMatchObject({
        confirmed: ['message-1'],
      });
    });

    test('a lease from another start of the machine has run out', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      await town.fetch(bob);
      town.mono = 1_000;
      expect((await town.fetch(bob, { reader: 'reader-two' })).deliveries).toMatchObject([{ attempt: 2 }]);
    });

    test('the wall clock has no say in leases', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      await town.fetch(bob);
      town.now += DAY;
      expect((await town.fetch(bob, { reader: 'reader-two' })).deliveries).toEqual([]);
    });

    test('a reader whose connection broke gives its leases back at once', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'hello');
      await town.fetch(bob);
      expect(await town.store.abandon({ reader: 'reader-one' })).toEqual([bob]);
      expect(await town.store.abandon({ reader: 'reader-one' })).toEqual([]);
      expect((await town.fetch(bob, { reader: 'reader-two' })).deliveries).toMatchObject([{ attempt: 2 }]);
    });

    test('bodies are limited by their sum, but the first always fits', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (const body of ['é'.repeat(50), 'b'.repeat(60), 'c'.repeat(41), 'd'])
        await town.send(ann, 'bob', body);
      expect((await town.fetch(bob, { bytes: 10, peek: true })).deliveries).toHaveLength(1);
      expect((await town.fetch(bob, { bytes: 160, peek: true })).deliveries).toHaveLength(2);
      expect((await town.fetch(bob, { bytes: 200, peek: true })).deliveries).toHaveLength(2);
      expect(await town.fetch(bob, { bytes: 201, peek: true })).toMatchObject({ remaining: 1 });
    });

    test('a peek leases nothing, shows what others have leased, and pages by cursor', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (const body of ['one', 'two', 'three']) await town.send(ann, 'bob', body);
      await town.fetch(bob, { limit: 1 });
      const peek = await town.fetch(bob, { peek: true, limit: 2 });
      expect(peek.deliveries.map(({ attempt }) => attempt)).toEqual([1, 0]);
      const after = peek.deliveries.at(-1)?.cursor ?? 0;
      expect(bodies(await town.fetch(bob, { peek: true, after }))).toEqual(['three']);
      expect(bodies(await town.fetch(bob, { reader: 'reader-two' }))).toEqual(['two', 'three']);
    });

    test('can be narrowed to a sender, a thread or the answers to one message', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      const asked = await town.send(bob, 'ann', 'which port?', { thread: 'ports' });
      await town.send(ann, 'bob', 'by the way');
      await town.send(cyd, 'bob', 'in thread', { thread: 'ports' });
      await town.reply(ann, asked.id, '8080');
      expect(
        bodies(await town.fetch(bob, { peek: true, from: (await town.profile('cyd'))?.name ?? null })),
      ).toEqual(['in thread']);
      expect(bodies(await town.fetch(bob, { peek: true, thread: 'ports' }))).toEqual(['in thread', '8080']);
      const answer = await town.fetch(bob, { replyTo: asked.id });
      expect(bodies(answer)).toEqual(['8080']);
      expect(answer.remaining).toBe(2);
      expect(bodies(await town.fetch(bob, { reader: 'reader-two' }))).toEqual(['by the way', 'in thread']);
    });

    test('five hand-overs that failed make it dead, and its sender is told', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const sent = await town.send(ann, 'bob', 'poison');
      await town.send(ann, 'bob', 'fine');
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const fetched = await town.fetch(bob, { limit: 1, reader: `reader-${attempt}` });
        expect(fetched.deliveries).toMatchObject([{ attempt, message: { id: sent.id } }]);
        town.pass(31_000);
      }
      expect(bodies(await town.fetch(bob))).toEqual(['fine']);
      expect(await town.receipt(ann, sent.id)).toMatchObject({
        state: 'dead',
        attempts: 5,
        endedAt: town.now,
      });
      expect(await town.take(ann)).toEqual(['dead bob: poison']);
    });

    test('twelve thousand come in pages, each once and in order (D3)', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const batch = Array.from({ length: 12_000 }, (_, nth) => town.posting(ann, 'bob', String(nth)));
      await town.store.send(batch);
      const got: number[] = [];
      for (let page = await town.take(bob); page.length > 0; page = await town.take(bob)) {
        expect(page.length).toBeLessThanOrEqual(1_000);
        got.push(...page.map(Number));
      }
      expect(got).toEqual(batch.map((_, nth) => nth));
    });
  });

  describe('confirming', () => {
    test('handed is proven by the attempt; a second time it changes nothing', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const fetched = await town.fetch(bob);
      expect(await town.confirm(bob, fetched)).toEqual({ confirmed: [id], lost: [] });
      const handedAt = town.now;
      town.pass(1_000);
      expect(await town.confirm(bob, fetched)).toEqual({ confirmed: [id], lost: [] });
      expect(await town.receipt(ann, id)).toMatchObject({
        state: 'handed',
        door: 'cli',
        handedAt,
        attempts: 1,
      });
      expect(await town.profile('bob')).toMatchObject({ waiting: 0, confirmedDoors: ['cli'] });
      expect(await town.take(bob)).toEqual([]);
    });

    test('the first reader’s confirmation is too late once another was handed the message, even if that one broke', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const first = await town.fetch(bob);
      town.pass(31_000);
      const second = await town.fetch(bob, { reader: 'reader-two' });
      await town.store.abandon({ reader: 'reader-two' });
      expect(await town.confirm(bob, first)).toEqual({ confirmed: [], lost: [id] });
      expect(await town.confirm(bob, second, { reader: 'reader-two' })).toEqual({
        confirmed: [id],
        lost: [],
      });
      expect(await town.confirm(bob, first)).toEqual({ confirmed: [], lost: [id] });
    });

    test('a late confirmation counts while nobody else was handed the message since', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const fetched = await town.fetch(bob);
      town.pass(31_000);
      await town.sweep();
      expect(await town.confirm(bob, fetched)).toMatchObject({ confirmed: [id] });
    });

    test('nobody confirms what another is being handed, or what was never fetched', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const peeked = await town.fetch(bob, { peek: true });
      expect(await town.confirm(bob, peeked)).toEqual({ confirmed: [], lost: [id] });
      const fetched = await town.fetch(bob);
      expect(await town.confirm(bob, fetched, { reader: 'reader-two' })).toEqual({
        confirmed: [],
        lost: [id],
      });
      const strange = {
        deliveries: [{ id: 'no such', attempt: 1 }],
        reader: 'r',
        door: 'cli',
        stage: 'handed',
      } as const;
      expect(await town.store.confirm({ ...strange, agent: bob, now: 1 })).toEqual({
        confirmed: [],
        lost: ['no such'],
      });
      expect((await town.receipt(ann, id)).state).toBe('queued');
    });

    test('offered needs no lease, leaves the message unread, and never lowers what was proven', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'hello');
      const peek = await town.fetch(bob, { peek: true });
      for (const door of ['channel', 'monitor', 'channel'] as const) {
        expect(await town.confirm(bob, peek, { stage: 'offered', door })).toMatchObject({ confirmed: [id] });
      }
      expect(await town.receipt(ann, id)).toMatchObject({
        state: 'offered',
        offeredBy: ['channel', 'monitor'],
        offeredAt: town.now,
        handedAt: null,
      });
      expect(await town.profile('bob')).toMatchObject({ waiting: 1, confirmedDoors: [] });
      expect(await town.take(bob)).toEqual(['hello']);
      expect(await town.confirm(bob, peek, { stage: 'offered', door: 'notice' })).toMatchObject({
        confirmed: [id],
      });
      expect((await town.receipt(ann, id)).state).toBe('handed');
    });

    test('seen is proven by evidence, with or without a hand-over, and stays behind acked', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const shown = await town.send(ann, 'bob', 'through the channel');
      const peek = await town.fetch(bob, { peek: true });
      await town.confirm(bob, peek, { stage: 'seen', door: 'hook' });
      expect(await town.receipt(ann, shown.id)).toMatchObject({ state: 'seen', seenAt: town.now });
      expect(await town.take(bob)).toEqual([]);
      const handed = await town.send(ann, 'bob', 'by hand');
      const fetched = await town.fetch(bob);
      await town.confirm(bob, fetched);
      await town.confirm(bob, fetched, { stage: 'seen' });
      expect((await town.receipt(ann, handed.id)).state).toBe('seen');
      await town.store.ack({ agent: bob, ids: [handed.id], now: town.now });
      await town.confirm(bob, fetched, { stage: 'seen' });
      expect((await town.receipt(ann, handed.id)).state).toBe('acked');
    });
  });

  describe('acknowledging', () => {
    test('says which were known; again, it says the same', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const handed = await town.send(ann, 'bob', 'handed');
      await town.take(bob);
      const unread = await town.send(ann, 'bob', 'unread');
      const others = await town.send(bob, 'ann', 'not mine');
      const step = { agent: bob, ids: [handed.id, unread.id, others.id, 'no such'], now: town.now };
      const known = { acked: [handed.id, unread.id], unknown: [others.id, 'no such'] };
      expect(await town.store.ack(step)).toEqual(known);
      expect(await town.store.ack({ ...step, now: town.now + 9 })).toEqual(known);
      expect(await town.receipt(ann, handed.id)).toMatchObject({ state: 'acked', ackedAt: town.now });
      expect((await town.profile('bob'))?.waiting).toBe(0);
    });
  });

  describe('taking back', () => {
    test('cancel reaches those who were not handed it yet; again, it says the same', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      const readers = [await town.agent('bob'), await town.agent('cyd'), await town.agent('dan')] as const;
      const { id } = await town.send(ann, ['bob', 'cyd', 'dan'], 'oops');
      await town.take(readers[0]);
      await town.fetch(readers[1]);
      const step = { sender: ann, id, now: town.now };
      const outcome = { ok: true, cancelled: ['dan'], late: ['bob', 'cyd'] };
      expect(await town.store.cancel(step)).toMatchObject(outcome);
      expect(await town.store.cancel(step)).toMatchObject(outcome);
      expect(await town.take(readers[2])).toEqual([]);
      expect((await town.receipts(ann, id)).find(({ to }) => to === 'dan')?.state).toBe('cancelled');
    });

    test('only the sender can', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'mine');
      expect(await town.store.cancel({ sender: bob, id, now: 1 })).toMatchObject({ code: 'no_such_message' });
    });

    test('clear empties my mailbox only, and the history stays (R15)', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      const { id } = await town.send(ann, ['bob', 'cyd'], 'hello');
      expect(await town.store.clear({ agent: bob, now: town.now })).toEqual({ cleared: 1 });
      expect(await town.take(bob)).toEqual([]);
      expect(await town.take(cyd)).toEqual(['hello']);
      const [first] = await town.receipts(ann, id);
      expect(first).toMatchObject({ state: 'refused', reason: 'cleared unread' });
      expect(granted(await town.store.search({ viewer: bob, text: 'hello', limit: 5 })).found).toHaveLength(
        1,
      );
    });
  });

  describe('following along', () => {
    test('arrivals come after the cursor, for one or for everybody', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'before');
      const after = await town.store.frontier();
      await town.send(ann, ['bob', 'ann'], 'one');
      await town.send(bob, 'ann', 'two');
      const query = { after, limit: 10, unreadOnly: false, now: town.now };
      const mine = await town.store.arrivals({ ...query, agent: bob });
      expect(mine).toMatchObject([{ recipient: 'bob', message: { body: 'one' } }]);
      const all = await town.store.arrivals({ ...query, agent: null });
      expect(all.map(({ recipient, message }) => `${recipient} ${message.body}`)).toEqual([
        'bob one',
        'ann one',
        'ann two',
      ]);
      const [first] = all;
      const rest = await town.store.arrivals({ ...query, agent: null, after: first?.cursor ?? 0 });
      expect(rest).toEqual(all.slice(1));
    });

    test('what was handed is not unread, what is paused is not shown', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'handed');
      await town.take(bob);
      await town.send(ann, 'bob', 'unread');
      const query = { agent: bob, after: 0, limit: 10, now: town.now };
      expect(bodies({ deliveries: await town.store.arrivals({ ...query, unreadOnly: true }) })).toEqual([
        'unread',
      ]);
      expect(await town.store.arrivals({ ...query, unreadOnly: false })).toHaveLength(2);
      await town.store.pause({ agent: bob, until: Infinity, now: town.now });
      expect(await town.store.arrivals({ ...query, unreadOnly: false })).toEqual([]);
    });
  });
}
