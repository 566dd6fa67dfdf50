/** history, search, receipts: the past, as far as one took part in it (design §6). */
import { describe, expect, test } from 'bun:test';
import type { PastQuery } from '../../src/core/records/reading.ts';
import { parseAddress } from '../../src/protocol/names.ts';
import { everything, granted, named, openTown, type OpenEngine, type Town } from './town.ts';

async function past(town: Town, query: Partial<PastQuery>): Promise<readonly string[]> {
  const records = await town.store.past({ ...everything, ...query });
  return records.map(({ message }) => message.body);
}

async function search(
  town: Town,
  text: string,
  viewer: PastQuery['viewer'] = null,
): Promise<readonly string[]> {
  const { found } = granted(await town.store.search({ viewer, text, limit: 50 }));
  return found.map(({ message }) => message.body);
}

export function pastContract(open: OpenEngine): void {
  describe('the past', () => {
    test('is what I sent and was sent, newest first, and pages back to the first', async () => {
      await using town = await openTown(open);
      const [ann, bob, eve] = [await town.agent('ann'), await town.agent('bob'), await town.agent('eve')];
      const sent: string[] = [];
      for (let nth = 0; nth < 25; nth += 1) {
        const [from, to] = nth % 2 === 0 ? [ann, 'bob'] : [bob, 'ann'];
        await town.send(from, to, `message ${nth}`);
        sent.unshift(`message ${nth}`);
      }
      await town.send(eve, 'eve', 'not for you');
      const got: string[] = [];
      for (let before: number | null = null; ;) {
        const page: Awaited<ReturnType<Town['store']['past']>> = await town.store.past({
          ...everything,
          viewer: ann,
          before,
          limit: 10,
        });
        got.push(...page.map(({ message }) => message.body));
        before = page.at(-1)?.cursor ?? null;
        if (page.length < 10) break;
      }
      expect(got).toEqual(sent);
    });

    test('can be read forward from the beginning, without gaps', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (let nth = 0; nth < 7; nth += 1)
        await town.send(nth % 2 === 0 ? ann : bob, ['ann', 'bob'], String(nth));
      const got: string[] = [];
      for (let after = 0; ;) {
        const page = await town.store.past({ ...everything, viewer: ann, after, limit: 2 });
        got.push(...page.map(({ message }) => message.body));
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.cursor;
      }
      expect(got).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    });

    test('can be narrowed to a partner, a topic, a thread, a state, or what I sent', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      for (const agent of [ann, bob]) await town.store.join({ agent, topic: named('Reviews'), now: 1 });
      const first = await town.send(ann, 'bob', 'to bob');
      await town.send(cyd, 'ann', 'from cyd');
      await town.send(bob, '#reviews', 'to the topic');
      await town.reply(bob, first.id, 'in thread');
      await town.send(ann, 'cyd', 'expired', { expiresAt: town.now });
      await town.sweep();
      await town.take(ann);
      const viewer = ann;
      expect(await past(town, { viewer, with: parseAddress('bob') })).toEqual([
        'in thread',
        'to the topic',
        'to bob',
      ]);
      expect(await past(town, { viewer, with: parseAddress('#REVIEWS') })).toEqual(['to the topic']);
      expect(await past(town, { viewer, thread: first.thread })).toEqual(['in thread', 'to bob']);
      expect(await past(town, { viewer, state: 'expired' })).toEqual(['expired']);
      expect(await past(town, { viewer, state: 'acked' })).toEqual(['to bob']);
      expect(await past(town, { viewer, sentByViewer: true })).toEqual(['expired', 'to bob']);
      expect(await past(town, { viewer, with: parseAddress('ghost') })).toEqual([]);
      expect(await past(town, { viewer: bob, state: 'expired' })).toEqual([]);
    });

    test('of everybody is all of it, also of one agent', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.agent('cyd');
      await town.send(ann, 'bob', 'one');
      await town.send(bob, 'ann', 'two');
      await town.send(bob, 'cyd', 'three');
      expect(await past(town, {})).toEqual(['three', 'two', 'one']);
      expect(await past(town, { with: parseAddress('cyd') })).toEqual(['three']);
      expect(await past(town, { with: parseAddress('ann') })).toEqual(['two', 'one']);
    });

    test('one message is there for its sender and recipients only, with a receipt for each', async () => {
      await using town = await openTown(open);
      const [ann, bob, eve] = [await town.agent('ann'), await town.agent('bob'), await town.agent('eve')];
      const { id } = await town.send(ann, ['bob', 'ghost'], 'hello');
      await town.take(bob);
      expect(await town.receipts(ann, id)).toMatchObject([
        { to: 'bob', state: 'handed' },
        { to: 'ghost', state: 'queued', attempts: 0, offeredBy: [] },
      ]);
      expect(await past(town, { viewer: bob, id })).toEqual(['hello']);
      expect(await past(town, { viewer: eve, id })).toEqual([]);
      expect(await past(town, { viewer: ann, id: 'no such' })).toEqual([]);
    });

    test('what is held for me is not mine to read yet', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.store.mute({ agent: bob, name: named('ann'), muted: true, now: 1 });
      const { id } = await town.send(ann, 'bob', 'unheard');
      expect(await past(town, { viewer: bob })).toEqual([]);
      expect(await past(town, { viewer: bob, id })).toEqual([]);
      expect(await search(town, 'unheard', bob)).toEqual([]);
      expect(await past(town, { viewer: ann, state: 'held' })).toEqual(['unheard']);
    });
  });

  describe('search', () => {
    test('understands words, phrases, prefixes, OR and -not; newest first', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      for (const body of ['the red fox', 'the RED hen', 'a blue hen', 'café au lait'])
        await town.send(ann, 'ann', body);
      const cases: Record<string, readonly string[]> = {
        red: ['the RED hen', 'the red fox'],
        'red hen': ['the RED hen'],
        '"red fox"': ['the red fox'],
        '"fox red"': [],
        're*': ['the RED hen', 'the red fox'],
        'fox OR blue': ['a blue hen', 'the red fox'],
        'hen -red': ['a blue hen'],
        'hen -"blue hen"': ['the RED hen'],
        cafe: ['café au lait'],
      };
      for (const [query, expected] of Object.entries(cases)) {
        expect({ query, found: await search(town, query, ann) }).toEqual({ query, found: expected });
      }
    });

    test('finds what was sent a moment ago, in bodies and names of files, for those who took part', async () => {
      await using town = await openTown(open);
      const [ann, bob, eve] = [await town.agent('ann'), await town.agent('bob'), await town.agent('eve')];
      const file = { sha256: 'c'.repeat(64), size: 3, name: 'weights.bin' };
      await town.send(ann, 'bob', 'zebra crossing', { attachments: [file] });
      for (const viewer of [ann, bob, null]) {
        expect(await search(town, 'zebra', viewer)).toEqual(['zebra crossing']);
        expect(await search(town, 'weights', viewer)).toEqual(['zebra crossing']);
      }
      expect(await search(town, 'zebra', eve)).toEqual([]);
      const { found } = granted(await town.store.search({ viewer: bob, text: 'crossing', limit: 5 }));
      expect(found[0]?.snippet).toContain('zebra crossing');
    });

    test('nothing that people type is an error of syntax; without a word it is refused', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.send(ann, 'ann', 'party body files NEAR AND NOT a1');
      for (const text of [
        '"',
        'a"b',
        "it's",
        'body:x',
        'party:a1',
        'NEAR(a b)',
        'AND',
        'NOT x',
        'x OR',
        'OR OR x',
        '{a} : b',
        '^x',
        'a\0b',
        'x*y',
        '-x y',
        '(((',
        'a+b',
        '--x y',
      ]) {
        const outcome = await town.store.search({ viewer: ann, text, limit: 5 });
        expect({ text, fine: outcome.ok || outcome.code === 'invalid_data' }).toEqual({ text, fine: true });
      }
      for (const text of ['!!!', '-only', '""', '👍']) {
        expect(await town.store.search({ viewer: ann, text, limit: 5 })).toMatchObject({
          code: 'invalid_data',
        });
      }
    });
  });
}
