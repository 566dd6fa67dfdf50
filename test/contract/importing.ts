/** What another system had, taken over: once for ever, with its times, and as old as it is here. */
import { describe, expect, test } from 'bun:test';
import type { ImportedMessage } from '../../src/core/records/importing.ts';
import type { AgentId } from '../../src/core/records/agents.ts';
import { DAY, HOUR, bodies, everything, granted, named, openTown, type OpenEngine } from './town.ts';

const YEAR = 365 * DAY;
const LONG_AGO = Date.UTC(2025, 0, 1);

function message(id: string, more: Partial<ImportedMessage> = {}): ImportedMessage {
  return {
    id,
    sender: named('fred'),
    to: named('nessa'),
    client: 'imported from elsewhere',
    sentAt: LONG_AGO,
    read: null,
    body: `body of ${id}`,
    bodyBlob: null,
    data: null,
    attachments: [],
    ...more,
  };
}

const read = { words: 'read elsewhere', at: null } as const;

export function importingContract(open: OpenEngine): void {
  describe('import', () => {
    test('what was unread waits in order, what was read is past, and a repeat adds nothing', async () => {
      await using town = await openTown(open);
      const batch = [message('one', { read }), message('two'), message('three'), message('two')];
      const first = await town.store.import({ messages: batch, now: town.now });
      expect(first).toEqual({ added: ['one', 'two', 'three'], known: [], refused: [] });
      expect(await town.store.imported(['three', 'four'])).toEqual(['three']);
      const again = await town.store.import({ messages: batch.slice(0, 3), now: town.now });
      expect(again).toEqual({ added: [], known: ['one', 'two', 'three'], refused: [] });
      const nessa = await town.agent('nessa');
      expect(await town.take(nessa)).toEqual(['body of two', 'body of three']);
      const past = await town.store.past({ ...everything, viewer: nessa });
      expect(past.map(({ message: { id, sentAt, from } }) => [id, sentAt, from.verified])).toEqual([
        ['three', LONG_AGO, false],
        ['two', LONG_AGO, false],
        ['one', LONG_AGO, false],
      ]);
    });

    test('retention counts from the import, and what it let go does not come back', async () => {
      await using town = await openTown(open);
      const messages = [message('read', { read }), message('unread')];
      await town.store.import({ messages, now: town.now });
      expect(await town.sweep()).toMatchObject({ deleted: 0 });
      town.pass(29 * DAY);
      expect(await town.sweep()).toMatchObject({ deleted: 0 });
      town.pass(2 * DAY);
      expect(await town.sweep()).toMatchObject({ deleted: 1 });
      expect(await town.store.import({ messages, now: town.now })).toMatchObject({
        added: [],
        known: ['read', 'unread'],
      });
      town.pass(YEAR);
      await town.sweep();
      // However long it takes until somebody takes the name.
      expect(await town.take(await town.agent('nessa'))).toEqual(['body of unread']);
    });

    test('a name that only sent is kept for whoever takes it, as long as what it sent is', async () => {
      await using town = await openTown(open);
      await town.agent('nessa');
      await town.store.import({ messages: [message('one', { read })], now: town.now });
      await town.sweep();
      expect(await town.profile('fred')).toMatchObject({ unborn: true });
      town.pass(31 * DAY);
      await town.sweep();
      await town.sweep();
      expect(await town.profile('fred')).toBeUndefined();
    });

    test('no arrival is told, before and after it is filed', async () => {
      await using town = await openTown(open);
      const [ann, nessa] = [await town.agent('ann'), await town.agent('nessa')];
      const told = async (agent: AgentId | null): Promise<readonly string[]> =>
        bodies({
          deliveries: await town.store.arrivals({
            agent,
            after: 0,
            limit: 10,
            unreadOnly: false,
            now: town.now,
          }),
        });
      await town.store.import({ messages: [message('one'), message('two', { read })], now: town.now });
      await town.send(ann, 'nessa', 'sent');
      expect([await told(nessa), await told(null)]).toEqual([['sent'], ['sent']]);
      await town.sweep();
      expect([await told(nessa), await told(null)]).toEqual([['sent'], ['sent']]);
      expect(bodies(await town.fetch(nessa))).toEqual(['body of one', 'sent']);
    });

    test('a mute and a pause hold it as they hold anything else', async () => {
      await using town = await openTown(open);
      const [nessa] = [await town.agent('nessa'), await town.agent('fred')];
      granted(await town.store.mute({ agent: nessa, name: named('fred'), muted: true, now: town.now }));
      await town.store.import({ messages: [message('muted')], now: town.now });
      expect(bodies(await town.fetch(nessa))).toEqual([]);
      granted(await town.store.mute({ agent: nessa, name: named('fred'), muted: false, now: town.now }));
      expect(await town.take(nessa)).toEqual(['body of muted']);
      await town.store.pause({ agent: nessa, until: town.now + HOUR, now: town.now });
      await town.store.import({ messages: [message('paused')], now: town.now });
      expect(bodies(await town.fetch(nessa))).toEqual([]);
      town.pass(2 * HOUR);
      expect(await town.take(nessa)).toEqual(['body of paused']);
    });

    test('a kernel runs nothing of it, a removed agent is nobody, a rename is followed', async () => {
      await using town = await openTown(open);
      await town.agent('lab', 'kernel');
      const bob = await town.agent('bob');
      granted(
        await town.store.rename({
          agent: bob,
          name: named('bob-new'),
          until: town.now + HOUR,
          tellSince: town.now,
          notice: { id: 'notice', body: 'renamed' },
          now: town.now,
        }),
      );
      const messages = [message('code', { to: named('lab') }), message('mail', { to: named('bob') })];
      expect(await town.store.import({ messages, now: town.now })).toMatchObject({ refused: ['lab'] });
      expect(await town.take(bob)).toEqual(['body of mail']);
      expect(await town.receipt(bob, 'code').catch(() => null)).toBeNull();
    });

    test('a send with an id that was taken over is a conflict', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.store.import({ messages: [message('one')], now: town.now });
      const posted = await town.post(town.posting(ann, 'nessa', 'body of one', { id: 'one' }));
      expect(posted).toMatchObject({ ok: false, code: 'conflict' });
      const sent = await town.send(ann, 'nessa', 'mine');
      expect(await town.store.import({ messages: [message(sent.id)], now: town.now })).toMatchObject({
        added: [],
        known: [sent.id],
      });
    });
  });
}
