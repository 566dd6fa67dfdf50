/** Guards, pauses, delays, expiry: what waits, for whom, and how it is let through (design §5, §6). */
import { describe, expect, test } from 'bun:test';
import { DAY, HOUR, bodies, compose, everything, granted, named, openTown, type OpenEngine } from './town.ts';

export function holdingContract(open: OpenEngine): void {
  describe('a pause', () => {
    test('holds what comes, hides what waits, and lets all through in order when lifted', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'before');
      await town.store.pause({ agent: bob, until: Infinity, now: town.now });
      const held = await town.send(ann, 'bob', 'during');
      expect(held).toMatchObject({ deliveries: [{ state: 'held', reason: 'paused' }], wake: [] });
      expect(await town.fetch(bob)).toMatchObject({
        deliveries: [],
        held: 1,
        remaining: 1,
        pausedUntil: Infinity,
      });
      expect((await town.profile('bob'))?.pausedUntil).toBe(Infinity);
      expect(await town.store.pause({ agent: bob, until: null, now: town.now })).toEqual({
        released: 1,
        wake: [bob],
      });
      await town.send(ann, 'bob', 'after');
      expect(await town.take(bob)).toEqual(['before', 'during', 'after']);
    });

    test('that ran out is over for fetch, for send and for the sweep, and order is kept', async () => {
      for (const how of ['fetch', 'send', 'sweep'] as const) {
        await using town = await openTown(open);
        const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
        await town.store.pause({ agent: bob, until: town.now + HOUR, now: town.now });
        await town.send(ann, 'bob', 'during');
        expect((await town.sweep()).nextDueAt).toBe(town.now + HOUR);
        town.pass(HOUR);
        if (how === 'send') expect((await town.send(ann, 'bob', 'after')).wake).toEqual([bob]);
        if (how === 'sweep') expect((await town.sweep()).wake).toEqual([bob]);
        expect(await town.take(bob)).toEqual(how === 'send' ? ['during', 'after'] : ['during']);
        expect((await town.profile('bob'))?.pausedUntil).toBeNull();
      }
    });
  });

  describe('a mute', () => {
    test('holds one sender for me only, and nothing is lost by it', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      granted(await town.store.mute({ agent: bob, name: named('ANN'), muted: true, now: town.now }));
      const sent = await town.send(ann, ['bob', 'cyd'], 'hello');
      expect(sent.deliveries.map(({ state, reason }) => [state, reason])).toEqual([
        ['held', 'muted'],
        ['queued', null],
      ]);
      await town.send(cyd, 'bob', 'me too');
      expect(await town.take(bob)).toEqual(['me too']);
      const lifted = await town.store.mute({ agent: bob, name: named('ann'), muted: false, now: town.now });
      expect(lifted).toMatchObject({ released: 1, wake: [bob] });
      expect(await town.take(bob)).toEqual(['hello']);
    });

    test('of nobody is refused', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      const outcome = await town.store.mute({ agent: bob, name: named('ghost'), muted: true, now: 1 });
      expect(outcome).toMatchObject({ ok: false, code: 'no_such_agent' });
    });
  });

  describe('the loop guard', () => {
    /** Two agents answer each other until a message is held. */
    async function pingPong(town: Awaited<ReturnType<typeof openTown>>, depth = 4) {
      const [ann, bob] = [await town.agent('ann', 'agent'), await town.agent('bob', 'agent')];
      const limits = { mailbox: 100, unbornMailbox: 10, unbornNames: 10, depth, tireless: null };
      for (let turn = 0; ; turn += 1) {
        const [from, to] = turn % 2 === 0 ? [ann, 'bob'] : [bob, 'ann'];
        const sent = await town.send(from, to, `turn ${turn}`, {
          limits,
          heldNotice: (word) => ({ id: `held-notice-${word}`, body: 'somebody is held' }),
        });
        const [delivery] = sent.deliveries;
        if (delivery?.state === 'held') return { turns: turn, last: sent, ann, bob, limits };
        await town.take(turn % 2 === 0 ? bob : ann);
      }
    }

    test('holds a chain of agents’ messages at its depth and tells the people who are about, once', async () => {
      await using town = await openTown(open);
      const gone = await town.agent('gone', 'human');
      town.pass(8 * DAY);
      const olga = await town.agent('olga', 'human');
      const { turns, last, ann } = await pingPong(town);
      expect(turns).toBe(3);
      expect(last.deliveries).toMatchObject([
        { state: 'held', reason: expect.stringMatching(/^chain depth 4: .* ipc release message-/) },
      ]);
      expect(last.wake).toEqual([olga]);
      expect(await town.take(olga)).toEqual(['somebody is held']);
      expect(await town.take(gone)).toEqual([]);
      expect(await town.take(ann)).toEqual([]);
    });

    test('a person’s word, prompt or release starts a new chain', async () => {
      for (const how of ['message', 'prompt', 'release'] as const) {
        await using town = await openTown(open);
        const olga = await town.agent('olga', 'human');
        const { last, ann, bob, limits } = await pingPong(town);
        if (how === 'message') {
          await town.send(olga, ['ann', 'bob'], 'go on');
          for (const agent of [ann, bob]) await town.take(agent);
        }
        if (how === 'prompt') {
          for (const agent of [ann, bob]) await town.store.describe({ agent, prompted: true, now: town.now });
        }
        if (how === 'release') {
          const released = await town.store.release({ id: last.id, name: null, now: town.now });
          expect(released).toMatchObject({ released: 1, wake: [last.deliveries[0]?.agent] });
        }
        const next = await town.send(bob, 'ann', 'again', { limits });
        expect(next.deliveries).toMatchObject([{ state: 'queued' }]);
        expect((await pingPong(town)).turns).toBeGreaterThanOrEqual(2);
      }
    });

    test('scripts and people are not chained', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (let turn = 0; turn < 6; turn += 1) {
        const sent = await town.send(ann, 'bob', 'x', {
          limits: { mailbox: 9, unbornMailbox: 9, unbornNames: 9, depth: 1, tireless: null },
        });
        expect(sent.deliveries[0]?.state).toBe('queued');
        await town.take(bob);
      }
    });
  });

  describe('release', () => {
    test('lets through one message, what concerns one agent, or all', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      for (const agent of [bob, cyd])
        await town.store.mute({ agent, name: named('ann'), muted: true, now: town.now });
      const one = await town.send(ann, 'bob', 'one');
      await town.send(ann, 'bob', 'two');
      await town.send(ann, 'cyd', 'three');
      const { now } = town;
      expect(await town.store.release({ id: one.id, name: null, now })).toMatchObject({ released: 1 });
      expect(await town.store.release({ id: null, name: named('cyd'), now })).toMatchObject({
        released: 1,
        wake: [cyd],
      });
      expect(await town.store.release({ id: null, name: null, now })).toMatchObject({
        released: 1,
        wake: [bob],
      });
      expect(await town.store.release({ id: null, name: null, now })).toMatchObject({ released: 0 });
      expect(await town.store.release({ id: 'no such', name: null, now })).toMatchObject({
        code: 'no_such_message',
      });
      expect(await town.store.release({ id: null, name: named('eve'), now })).toMatchObject({
        code: 'no_such_agent',
      });
      expect(await town.take(bob)).toEqual(['one', 'two']);
    });
  });

  describe('a message for later', () => {
    test('is shown to nobody before its time, and arrives then', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const sent = await town.send(ann, 'bob', 'later', { notBefore: town.now + HOUR });
      expect(sent).toMatchObject({ deliveries: [{ state: 'queued' }], wake: [] });
      await town.send(ann, 'bob', 'now');
      expect(await town.take(bob)).toEqual(['now']);
      expect(await town.store.past({ ...everything, viewer: bob, thread: sent.thread })).toEqual([]);
      expect(await town.sweep()).toMatchObject({ wake: [], nextDueAt: town.now + HOUR });
      town.pass(HOUR);
      expect((await town.sweep()).wake).toEqual([bob]);
      expect(await town.take(bob)).toEqual(['later']);
    });

    test('that comes due in a pause waits for its end; let through early it still waits for its time', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'due in the pause', { notBefore: town.now + HOUR });
      await town.store.pause({ agent: bob, until: town.now + 2 * HOUR, now: town.now });
      await town.send(ann, 'bob', 'due after it', { notBefore: town.now + 3 * HOUR });
      town.pass(HOUR);
      await town.sweep();
      expect((await town.profile('bob'))?.held).toBe(2);
      town.pass(HOUR);
      await town.sweep();
      expect(await town.take(bob)).toEqual(['due in the pause']);
      town.pass(HOUR);
      await town.sweep();
      expect(await town.take(bob)).toEqual(['due after it']);
    });

    test('can be cancelled', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.agent('bob');
      const { id } = await town.send(ann, 'bob', 'later', { notBefore: town.now + HOUR });
      expect(await town.store.cancel({ sender: ann, id, now: 1 })).toMatchObject({ cancelled: ['bob'] });
      town.pass(DAY);
      expect(await town.sweep()).toMatchObject({ wake: [], nextDueAt: null });
    });
  });

  describe('a message with an end', () => {
    test('expires unread, whether or not anybody swept, and its sender is told once', async () => {
      for (const how of ['sweep', 'fetch'] as const) {
        await using town = await openTown(open);
        const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
        const { id } = await town.send(ann, 'bob', 'quick', { expiresAt: town.now + HOUR });
        expect((await town.sweep()).nextDueAt).toBe(town.now + HOUR);
        town.pass(HOUR);
        expect((await town.fetch(bob, { peek: true })).deliveries).toEqual([]);
        if (how === 'sweep') expect(await town.sweep()).toMatchObject({ expired: 1, wake: [ann] });
        expect(bodies(await town.fetch(bob))).toEqual([]);
        await town.sweep();
        expect(await town.receipt(ann, id)).toMatchObject({ state: 'expired', endedAt: town.now });
        expect(await town.take(ann)).toEqual(['expired bob: quick']);
      }
    });

    test('does not expire while it is being handed over, nor after', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'quick', { expiresAt: town.now + 10_000 });
      const fetched = await town.fetch(bob);
      town.pass(10_000);
      expect(await town.sweep()).toMatchObject({ expired: 0, nextDueAt: expect.any(Number) });
      expect(await town.confirm(bob, fetched)).toMatchObject({ confirmed: [id] });
      town.pass(DAY);
      expect(await town.sweep()).toMatchObject({ expired: 0, nextDueAt: null });
      expect((await town.receipt(ann, id)).state).toBe('handed');
    });

    test('expires while held, too', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.store.pause({ agent: bob, until: Infinity, now: town.now });
      const { id } = await town.send(ann, 'bob', 'quick', { expiresAt: town.now + 1 });
      town.pass(1);
      expect((await town.sweep()).expired).toBe(1);
      expect((await town.receipt(ann, id)).state).toBe('expired');
      expect((await town.profile('bob'))?.held).toBe(0);
    });
  });

  describe('an open request', () => {
    test('is recalled once to whoever was handed it, and its sender learns so', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const open1 = await town.send(ann, 'bob', 'please', { intent: 'request' });
      const done = await town.send(ann, 'bob', 'done', { intent: 'request' });
      await town.send(ann, 'bob', 'just so you know');
      const step = { agent: bob, now: town.now, compose };
      expect(await town.store.remind(step)).toEqual({ ids: [], wake: [] });
      await town.take(bob);
      await town.reply(bob, done.id, 'ok');
      const { ids, wake } = await town.store.remind(step);
      expect(ids).toEqual([open1.id]);
      expect([...wake].sort()).toEqual([ann, bob].sort());
      expect(await town.store.remind(step)).toEqual({ ids: [], wake: [] });
      expect(await town.take(bob)).toEqual(['reminder ann: please']);
      expect(await town.take(ann)).toEqual(['ok', 'unanswered bob: please']);
    });
  });
}
