/** Presence, topics, retention, facts, verification. */
import { describe, expect, test } from 'bun:test';
import { DAY, everything, granted, keyOf, named, openTown, type OpenEngine } from './town.ts';

export function upkeepContract(open: OpenEngine): void {
  describe('presence', () => {
    test('a session is there from attach to detach, and the agent was seen then', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      const session = town.session(bob, 'window', {
        role: 'holder',
        client: 'claude',
        doors: ['hook'],
        project: 'ipc',
      });
      await town.store.attach(session, town.now + 60_000);
      expect((await town.profile('bob'))?.sessions).toEqual([session]);
      town.pass(5_000);
      await town.store.detach({ session: 'window', now: town.now });
      expect(await town.profile('bob')).toMatchObject({ sessions: [], seenAt: town.now });
    });

    test('a session that is not kept alive is gone; a heartbeat keeps it and says how it is', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      for (const id of ['kept', 'lost']) await town.store.attach(town.session(bob, id), town.now + 60_000);
      town.pass(30_000);
      const beat = { id: 'kept', activeAt: town.now, idle: true };
      await town.store.heartbeat({ sessions: [beat], until: town.now + 60_000, now: town.now });
      town.pass(30_000);
      expect((await town.profile('bob'))?.sessions).toMatchObject([beat]);
      town.pass(30_000);
      expect((await town.profile('bob'))?.sessions).toEqual([]);
    });

    test('who is listed: everybody but the system and the removed, those not here yet marked', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann', 'human');
      await town.agent('bob');
      await town.send(ann, 'nessa', 'soon');
      granted(await town.store.remove({ name: named('bob'), force: true, deadAnchor: null, now: town.now }));
      const profiles = await town.store.agents({ name: null, now: town.now });
      expect(profiles.map(({ name, kind, unborn }) => `${name} ${unborn ? 'unborn' : kind}`)).toEqual([
        'ann human',
        'nessa unborn',
      ]);
      expect(await town.profile('ghost')).toBeUndefined();
      expect(await town.profile('system')).toBeUndefined();
    });

    test('what an agent says it is doing stays until it says something else', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      await town.store.describe({ agent: bob, about: 'porting', prompted: false, now: town.now });
      await town.store.describe({ agent: bob, prompted: true, now: town.now });
      expect((await town.profile('bob'))?.about).toBe('porting');
    });
  });

  test('topics list their members; joining and leaving twice change nothing', async () => {
    await using town = await openTown(open);
    const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
    await town.store.join({ agent: bob, topic: named('Reviews'), now: 1 });
    expect(await town.store.join({ agent: ann, topic: named('reviews'), now: 1 })).toEqual(['ann', 'bob']);
    expect(await town.store.join({ agent: ann, topic: named('reviews'), now: 2 })).toEqual(['ann', 'bob']);
    expect(await town.store.topics({ viewer: ann })).toEqual([
      { topic: 'Reviews', members: ['ann', 'bob'], joined: true },
    ]);
    expect(await town.store.leave({ agent: ann, topic: named('REVIEWS') })).toBe(true);
    expect(await town.store.leave({ agent: ann, topic: named('reviews') })).toBe(false);
    expect(await town.store.topics({ viewer: ann })).toMatchObject([{ members: ['bob'], joined: false }]);
  });

  test('who was removed a moment ago joins and mutes nothing, and sweeps go on', async () => {
    await using town = await openTown(open);
    const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
    const removal = town.store.remove({ name: named('bob'), force: true, deadAnchor: null, now: town.now });
    // Of the same turn: its session has not heard of it.
    const [removed, joined, muted] = await Promise.all([
      removal,
      town.store.join({ agent: bob, topic: named('t'), now: town.now }).catch((error: unknown) => error),
      town.store.mute({ agent: bob, name: named('ann'), muted: true, now: town.now }),
    ]);
    expect(removed.ok).toBe(true);
    expect(joined).toMatchObject({ code: 'not_registered' });
    expect(muted).toMatchObject({ ok: false, code: 'not_registered' });
    await town.sweep();
    expect(await town.store.topics({ viewer: ann })).toEqual([]);
  });

  describe('retention', () => {
    test('old finished messages go; unread ones, dead letters and newer ones stay', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const dead = await town.send(ann, 'bob', 'poison');
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await town.fetch(bob, { reader: `reader-${attempt}` });
        town.pass(31_000);
      }
      await town.fetch(bob);
      await town.take(ann);
      await town.send(ann, 'bob', 'read');
      await town.send(ann, ['bob', 'ann'], 'read by one');
      await town.take(bob);
      expect(granted(await town.store.search({ viewer: bob, text: 'read', limit: 9 })).found).toHaveLength(2);
      town.pass(31 * DAY);
      await town.send(ann, 'bob', 'new');
      await town.take(bob);
      expect((await town.sweep()).deleted).toBe(2);
      const left = await town.store.past(everything);
      expect(left.map(({ message }) => message.body)).toEqual(['new', 'read by one', 'poison']);
      expect((await town.receipt(ann, dead.id)).state).toBe('dead');
      const { found } = granted(await town.store.search({ viewer: bob, text: 'read', limit: 9 }));
      expect(found.map(({ message }) => message.body)).toEqual(['read by one']);
    });

    test('a clock set ten years ahead takes nothing for its age until it has stood for an hour', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.send(ann, 'bob', 'read');
      await town.take(bob);
      await town.send(ann, 'bob', 'unread', { expiresAt: town.now + DAY });
      await town.sweep();
      town.now += 3_650 * DAY;
      expect(await town.sweep()).toMatchObject({ deleted: 0, expired: 0 });
      // It is over by this clock, so nobody is shown it; by another one it may be again.
      expect((await town.fetch(bob)).deliveries).toEqual([]);
      town.pass(30 * 60_000);
      expect(await town.sweep()).toMatchObject({ deleted: 0, expired: 0 });
      town.now -= 3_650 * DAY;
      expect(await town.sweep()).toMatchObject({ deleted: 0, expired: 0 });
      expect(await town.take(bob)).toEqual(['unread']);
      town.now += 3_650 * DAY;
      await town.sweep();
      town.pass(61 * 60_000);
      expect(await town.sweep()).toMatchObject({ deleted: 2 });
    });

    test('what expires while the clock is doubted does so by the time that passes', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      await town.sweep();
      await town.send(ann, 'bob', 'short', { expiresAt: town.now + 60_000 });
      town.now += 3_650 * DAY;
      const { expired, nextDueAt } = await town.sweep();
      expect([expired, nextDueAt]).toEqual([0, town.now + 60_000]);
      town.pass(60_000);
      expect((await town.sweep()).expired).toBe(1);
      expect(await town.take(bob)).toEqual([]);
    });

    test('a message stamped by a clock that had fallen back to 1970 is kept as long as those around it', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const { now } = town;
      await town.send(ann, 'bob', 'before');
      town.now = DAY;
      await town.send(ann, 'bob', 'at 1970');
      town.now = now + 3_650 * DAY;
      await town.send(ann, 'bob', 'ahead');
      town.now = now;
      await town.send(ann, 'bob', 'after');
      await town.take(bob);
      expect((await town.sweep()).deleted).toBe(0);
      town.pass(31 * DAY);
      // The one from the future is of no age yet, and keeps nobody else.
      expect((await town.sweep({ limit: 1 })).more).toBe(true);
      while ((await town.sweep({ limit: 1 })).more);
      expect((await town.store.past(everything)).map(({ message }) => message.body)).toEqual(['ahead']);
    });

    test('goes in small steps and says when there is more', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      for (let nth = 0; nth < 25; nth += 1) await town.send(ann, 'bob', `n ${nth}`);
      await town.take(bob);
      town.pass(40 * DAY);
      let deleted = 0;
      for (let more = true; more;) {
        const swept = await town.sweep({ limit: 10 });
        expect(swept.deleted).toBeLessThanOrEqual(10);
        deleted += swept.deleted;
        ({ more } = swept);
      }
      expect(deleted).toBe(25);
    });

    test('a window of the newest keeps so many finished ones for each agent', async () => {
      await using town = await openTown(open);
      const [ann, bob, cyd] = [await town.agent('ann'), await town.agent('bob'), await town.agent('cyd')];
      for (let nth = 0; nth < 6; nth += 1) await town.send(ann, 'bob', `bob ${nth}`);
      await town.send(ann, ['bob', 'cyd'], 'both');
      await town.take(bob);
      await town.take(cyd);
      await town.send(ann, 'bob', 'unread');
      while ((await town.sweep({ keepNewest: 3, limit: 2 })).more);
      const left = await town.store.past({ ...everything, viewer: bob });
      expect(left.map(({ message }) => message.body)).toEqual(['unread', 'both', 'bob 5', 'bob 4']);
      expect(await town.store.past({ ...everything, viewer: cyd })).toHaveLength(1);
    });

    test('blobs nobody refers to any longer are told; one that is shared stays', async () => {
      await using town = await openTown(open);
      const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
      const blob = (letter: string) => ({ sha256: letter.repeat(64), size: 1, name: `${letter}.bin` });
      await town.send(ann, 'bob', 'old', { attachments: [blob('a'), blob('b')], bodyBlob: blob('c') });
      await town.take(bob);
      town.pass(31 * DAY);
      await town.send(ann, 'bob', 'new', { attachments: [blob('b')] });
      expect((await town.store.verify()).blobs).toEqual(['a', 'b', 'c'].map((letter) => letter.repeat(64)));
      expect([...(await town.sweep()).orphans].sort()).toEqual(['a'.repeat(64), 'c'.repeat(64)]);
      await town.send(ann, 'bob', 'again', { attachments: [blob('a')] });
      town.pass(DAY);
      expect((await town.sweep()).orphans).toEqual(['c'.repeat(64)]);
      town.pass(DAY);
      expect((await town.sweep()).orphans).toEqual([]);
    });

    test('auto-named agents without mail go a day after they were seen; others stay', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      const claims = ['idle', 'mail', 'here'].map(async (session) => {
        const who = {
          keyHash: keyOf(session),
          kind: 'agent',
          about: null,
          hold: null,
          anchor: null,
          deadAnchor: null,
          kin: [],
        } as const;
        return granted(await town.store.claim({ ...who, name: null, session, now: town.now })).agent;
      });
      const [idle, mail, here] = await Promise.all(claims);
      await town.send(ann, mail?.name ?? '', 'for you');
      town.pass(2 * DAY);
      if (here === undefined || idle === undefined) throw new Error('three agents were claimed');
      await town.store.attach(
        town.session(here.id, 'here', { activeAt: town.now - 2 * DAY }),
        town.now + 60_000,
      );
      await town.sweep();
      const names = (await town.store.agents({ name: null, now: town.now })).map(({ name }) => name);
      expect(names).toEqual([mail?.name ?? named(''), here.name, named('ann')]);
    });
  });

  test('facts count what is there', async () => {
    await using town = await openTown(open);
    const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
    await town.store.mute({ agent: bob, name: named('ann'), muted: true, now: 1 });
    await town.send(ann, ['bob', 'ann'], 'hello');
    expect(await town.store.facts()).toMatchObject({ agents: 2, messages: 1, waiting: 1, held: 1, dead: 0 });
  });
}
