/** send: once, whole or not at all, and told truly (design §6). */
import { describe, expect, test } from 'bun:test';
import { DAY, bodies, everything, granted, named, openTown, type OpenEngine } from './town.ts';

export function sendingContract(open: OpenEngine): void {
  describe('sending again with the same id', () => {
    test('adds nothing and tells what became of the first', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const posting = town.posting(ann, 'bob', 'hello');
      const first = granted(await town.post(posting));
      expect(first).toMatchObject({
        duplicate: false,
        deliveries: [{ name: 'bob', state: 'queued' }],
        wake: [bob],
      });
      await town.take(bob);
      const again = granted(await town.post({ ...posting, now: town.now + 5, expiresAt: town.now + DAY }));
      expect(again).toMatchObject({
        duplicate: true,
        thread: first.thread,
        deliveries: [{ name: 'bob', asked: 'bob', state: 'handed' }],
        wake: [],
      });
      expect(await town.take(bob)).toEqual([]);
    });

    test('in the same batch counts as again too', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const posting = town.posting(ann, 'bob', 'hello');
      expect(await town.store.send([posting, posting])).toMatchObject([
        { duplicate: false },
        { duplicate: true },
      ]);
      expect(await town.take(bob)).toEqual(['hello']);
    });

    test('with other content, recipients or sender is a conflict', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const posting = town.posting(ann, 'bob', 'hello');
      await town.post(posting);
      const others = [
        { ...posting, body: 'other' },
        { ...posting, data: '{}' },
        { ...posting, sender: bob },
        town.posting(ann, 'ann', 'hello', { id: posting.id }),
      ];
      for (const other of others)
        expect(await town.post(other)).toMatchObject({ ok: false, code: 'conflict' });
      expect(await town.take(bob)).toEqual(['hello']);
    });

    test('to the new name of the same recipient is no conflict', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const posting = town.posting(ann, 'bob', 'hello');
      await town.post(posting);
      const times = { until: town.now + DAY, tellSince: 0, now: town.now };
      await town.store.rename({ agent: bob, name: named('rob'), notice: { id: 'n', body: 'n' }, ...times });
      const again = town.posting(ann, 'rob', 'hello', { id: posting.id });
      expect(await town.post(again)).toMatchObject({ ok: true, duplicate: true });
    });
  });

  describe('one message', () => {
    test('arrives unchanged: any Unicode, NUL, control characters, data, attachments', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const body = 'a\0b \u001b[31mred\u001b[0m \r\n 👩‍👩‍👧 \u202e עברית e\u0301 \u{10ffff}';
      const blob = { sha256: 'a'.repeat(64), size: 7, type: 'text/plain' };
      await town.send(ann, 'bob', body, {
        data: '{"n":[1,2]}',
        bodyBlob: blob,
        attachments: [{ ...blob, name: 'notes.txt', role: 'file' }],
        priority: 'high',
        intent: 'request',
        expiresAt: town.now + DAY,
        provenance: { kind: 'agent', verified: false, client: 'codex', directory: '/src' },
      });
      const [delivery] = (await town.fetch(bob)).deliveries;
      expect(delivery?.message).toMatchObject({
        from: { id: ann, name: 'ann', kind: 'agent', verified: false, client: 'codex', directory: '/src' },
        to: ['bob'],
        body,
        bodyBlob: blob,
        data: '{"n":[1,2]}',
        attachments: [{ ...blob, name: 'notes.txt', role: 'file' }],
        priority: 'high',
        intent: 'request',
        sentAt: town.now,
        expiresAt: town.now + DAY,
      });
    });

    test('goes once to each recipient, however often they are named', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [
        await town.agent('ann'),
        await town.agent('bob', 'agent'),
        await town.agent('cyd'),
      ];
      await town.store.join({ agent: bob, topic: named('t'), now: town.now });
      const sent = await town.send(ann, ['bob', 'BOB', '#t', '@all', 'cyd'], 'once');
      expect(sent.deliveries.map(({ name, asked }) => `${name} ${asked}`)).toEqual(['bob bob', 'cyd cyd']);
      expect([await town.take(bob), await town.take(cyd)]).toEqual([['once'], ['once']]);
      expect((await town.receipts(ann, sent.id)).map(({ to }) => to)).toEqual(['bob', 'cyd']);
    });

    test('may go to oneself by name', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.send(ann, 'ann', 'note to self');
      expect(await town.take(ann)).toEqual(['note to self']);
      expect(await town.store.past({ ...everything, viewer: ann })).toHaveLength(1);
    });

    test('is refused by the system and by kernels, and the receipt says why', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.agent('python', 'kernel');
      const { deliveries, wake } = await town.send(ann, ['system', 'python'], 'hello');
      expect(deliveries.map(({ state }) => state)).toEqual(['refused', 'refused']);
      expect(deliveries.every(({ reason }) => reason !== null && reason !== '')).toBe(true);
      expect(wake).toEqual([]);
    });

    test('comes in the order in which one sender sent it', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const batch = Array.from({ length: 300 }, (_, nth) => town.posting(ann, 'bob', String(nth)));
      await town.store.send(batch.slice(0, 200));
      await Promise.all(batch.slice(200).map((posting) => town.post(posting)));
      expect((await town.take(bob)).map(Number)).toEqual(batch.map((_, nth) => nth));
    });
  });

  describe('many recipients', () => {
    test('a topic reaches its members, less the sender and kernels', async () => {
      await using town = await openTown(open);
      const members = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')] as const;
      const kernel = await town.agent('python', 'kernel');
      for (const agent of [...members, kernel])
        await town.store.join({ agent, topic: named('Reviews'), now: 1 });
      const [ann, bob, cyd] = members;
      await town.store.leave({ agent: cyd, topic: named('reviews') });
      const sent = await town.send(ann, '#reviews', 'please look');
      expect(sent.deliveries).toMatchObject([{ agent: bob, asked: '#reviews' }]);
      expect((await town.send(ann, '#nobody', 'echo')).deliveries).toEqual([]);
    });

    test('@all is the people and agents seen lately or here now, fixed when sent', async () => {
      await using town = await openTown(open);
      const away = await town.agent('away', 'agent');
      const quiet = await town.agent('quiet', 'human');
      town.pass(2 * DAY);
      const ann = await town.agent('ann', 'agent');
      await town.agent('bob', 'human');
      await town.agent('cron', 'script');
      await town.agent('python', 'kernel');
      await town.store.attach(
        town.session(quiet, 'window', { activeAt: town.now - 2 * DAY }),
        town.now + 60_000,
      );
      const { deliveries } = await town.send(ann, '@all', 'hello everyone');
      expect(deliveries.map(({ name }) => name)).toEqual(['bob', 'quiet']);
      expect(await town.take(away)).toEqual([]);
      expect(await town.take(await town.agent('late', 'agent'))).toEqual([]);
    });

    test('@all to more than the limit is refused with their number', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann', 'agent');
      for (let nth = 0; nth < 11; nth += 1) await town.agent(`agent-${nth}`, 'agent');
      const refused = await town.post(town.posting(ann, '@all', 'hello'));
      expect(refused).toMatchObject({ ok: false, code: 'fan_out', details: { count: 11 } });
      const all = { kinds: ['agent'], seenSince: 0, limit: Infinity } as const;
      expect((await town.send(ann, '@all', 'hello', { all })).deliveries).toHaveLength(11);
    });

    test('the answer names the sessions each recipient has', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.store.attach(town.session(bob, 'monitor', { doors: ['monitor'] }), town.now + 60_000);
      const { deliveries } = await town.send(ann, 'bob', 'hello');
      expect(deliveries[0]?.sessions).toMatchObject([{ id: 'monitor', doors: ['monitor'] }]);
    });
  });

  describe('quotas', () => {
    const limits = { mailbox: 2, unbornMailbox: 1, unbornNames: 1, depth: 30, tireless: null };

    test('one full mailbox refuses the whole posting; nothing is lost or partly sent (D9, R4)', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      for (const body of ['one', 'two']) await town.send(ann, 'bob', body, { limits });
      const refused = await town.post(town.posting(ann, ['cyd', 'bob'], 'three', { limits }));
      expect(refused).toMatchObject({ ok: false, code: 'mailbox_full', details: { recipient: 'bob' } });
      expect(await town.take(cyd)).toEqual([]);
      expect(await town.take(bob)).toEqual(['one', 'two']);
      await town.send(ann, ['cyd', 'bob'], 'three', { limits });
      expect(await town.take(bob)).toEqual(['three']);
    });

    test('a refused posting of a batch does not touch the others', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const batch = ['one', 'two', 'three'].map((body) => town.posting(ann, 'bob', body, { limits }));
      const outcomes = await town.store.send(batch);
      expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false]);
      expect(await town.take(bob)).toEqual(['one', 'two']);
    });

    test('what is held or not due yet takes room too', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'later', { limits, notBefore: town.now + DAY });
      await town.store.pause({ agent: bob, until: Infinity, now: town.now });
      await town.send(ann, 'bob', 'held', { limits });
      expect(await town.post(town.posting(ann, 'bob', 'more', { limits }))).toMatchObject({
        code: 'mailbox_full',
      });
    });

    test('invented names are few, and so is their mail (D20)', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.send(ann, 'ghost', 'boo', { limits });
      expect(await town.post(town.posting(ann, 'ghost', 'again', { limits }))).toMatchObject({
        code: 'mailbox_full',
      });
      expect(await town.post(town.posting(ann, 'other', 'boo', { limits }))).toMatchObject({
        code: 'mailbox_full',
      });
      expect(await town.profile('other')).toBeUndefined();
    });
  });

  describe('answering', () => {
    test('goes to whoever sent it, keeps the thread and acknowledges it', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const asked = await town.send(ann, 'bob', 'which port?', { intent: 'request' });
      await town.take(bob);
      const answer = await town.reply(bob, asked.id, '8080');
      expect(answer).toMatchObject({ thread: asked.thread, deliveries: [{ agent: ann, name: 'ann' }] });
      expect(await town.receipt(ann, asked.id)).toMatchObject({ state: 'acked', ackedAt: town.now });
      const [delivery] = (await town.fetch(ann)).deliveries;
      expect(delivery?.message).toMatchObject({ replyTo: asked.id, thread: asked.thread, to: ['ann'] });
    });

    test('what was only looked at is acknowledged all the same, and leaves the mailbox', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const asked = await town.send(ann, 'bob', 'which port?');
      await town.fetch(bob, { peek: true });
      await town.reply(bob, asked.id, '8080');
      expect(await town.take(bob)).toEqual([]);
      expect((await town.receipt(ann, asked.id)).state).toBe('acked');
    });

    test('a plain send that refers to a message keeps its thread and acknowledges it as well', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.agent('cyd');
      const asked = await town.send(ann, 'bob', 'which port?');
      const passed = await town.send(bob, 'cyd', 'do you know?', { replyTo: asked.id });
      expect(passed.thread).toBe(asked.thread);
      expect((await town.receipt(ann, asked.id)).state).toBe('acked');
    });

    test('`last` is the newest message handed over, by anybody but the system', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      const nothing = await town.post(town.posting(bob, [], 'hm', { replyTo: 'last', answers: true }));
      expect(nothing).toMatchObject({ ok: false, code: 'no_such_message' });
      await town.send(ann, 'bob', 'first');
      await town.send(cyd, 'bob', 'second');
      await town.send(bob, 'nobody', 'expires', { expiresAt: town.now + 1 });
      await town.take(bob);
      town.pass(10);
      await town.sweep();
      expect(await town.take(bob)).toEqual(['expired nobody: expires']);
      await town.send(ann, 'bob', 'not handed yet');
      expect((await town.reply(bob, 'last', 'to whom?')).deliveries).toMatchObject([{ agent: cyd }]);
    });

    test('somebody else’s message is not there', async () => {
      await using town = await openTown(open);
      const [ann, eve] = [await town.agent('ann'), await town.agent('eve')];
      await town.agent('bob');
      const secret = await town.send(ann, 'bob', 'between us');
      for (const more of [
        { replyTo: secret.id, answers: true },
        { replyTo: secret.id },
        { forwardOf: secret.id },
      ]) {
        expect(await town.post(town.posting(eve, 'eve', 'mine?', more))).toMatchObject({
          code: 'no_such_message',
        });
      }
    });

    test('whoever was removed cannot be answered', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { id } = await town.send(ann, 'bob', 'bye');
      granted(await town.store.remove({ name: named('ann'), force: true, deadAnchor: null, now: town.now }));
      const reply = town.posting(bob, [], 'wait', { replyTo: id, answers: true });
      expect(await town.post(reply)).toMatchObject({ ok: false, code: 'no_such_agent' });
    });
  });

  test('passing a message on takes its body when there is none, its files and data always', async () => {
    await using town = await openTown(open);
    const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
    const file = { sha256: 'b'.repeat(64), size: 3, name: 'plan.txt', role: 'file' } as const;
    const first = await town.send(ann, 'bob', 'the plan', { attachments: [file], data: '{"v":1}' });
    await town.take(bob);
    const bare = await town.send(bob, 'cyd', '', { forwardOf: first.id });
    await town.send(bob, 'cyd', 'see below', { forwardOf: first.id });
    const fetched = await town.fetch(cyd);
    expect(bodies(fetched)).toEqual(['the plan', 'see below']);
    for (const { message } of fetched.deliveries) {
      expect(message).toMatchObject({ forwardOf: first.id, attachments: [file], data: '{"v":1}' });
    }
    expect(bare.thread).not.toBe(first.thread);
    const [original] = await town.store.past({ ...everything, viewer: cyd, id: first.id });
    expect(original?.message.body).toBe('the plan');
  });
}
