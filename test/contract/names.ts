/** Names: claimed by one, kept by their key, forwarded after a rename (design §5). */
import { describe, expect, test } from 'bun:test';
import type { AgentId, Claim, Claimed } from '../../src/core/records/agents.ts';
import { DAY, granted, keyOf, named, openTown, type OpenEngine, type Town } from './town.ts';

export function claim(town: Town, name: string | null, more: Partial<Claim> = {}): Promise<Claimed> {
  return town.store.claim({
    name: name === null ? null : named(name),
    keyHash: keyOf(name ?? 'nameless'),
    kind: 'agent',
    about: null,
    anchor: null,
    session: 'session-one',
    hold: null,
    kin: [],
    deadAnchor: null,
    now: town.now,
    ...more,
  });
}

export function namesContract(open: OpenEngine): void {
  describe('stepping in under a name', () => {
    test('a free name is made, and found again by its key in whatever case it is written', async () => {
      await using town = await openTown(open);
      const first = granted(
        await town.store.enter({ name: named('Bob'), keyHash: keyOf('b'), kind: 'human', own: true, now: 1 }),
      );
      expect(first).toMatchObject({
        created: true,
        agent: { name: 'Bob', kind: 'human' },
      });
      const again = granted(
        await town.store.enter({
          name: named('bOB'),
          keyHash: keyOf('b'),
          kind: 'script',
          own: true,
          now: 2,
        }),
      );
      expect(again).toMatchObject({
        created: false,
        agent: { id: first.agent.id, name: 'Bob', kind: 'human' },
      });
    });

    test('a name that only scripts used becomes its person’s, once; borrowed by a person it stays what it is', async () => {
      await using town = await openTown(open);
      const enter = async (kind: 'human' | 'script', own: boolean) =>
        granted(await town.store.enter({ name: named('ann'), keyHash: keyOf('ann'), kind, own, now: 1 }))
          .agent.kind;
      expect(await enter('script', true)).toBe('script');
      expect(await enter('human', false)).toBe('script');
      expect(await enter('human', true)).toBe('human');
      expect(await enter('script', true)).toBe('human');
      await town.agent('bot', 'agent');
      const person = { name: named('bot'), keyHash: keyOf('bot'), kind: 'human', own: true, now: 1 } as const;
      expect(granted(await town.store.enter(person)).agent.kind).toBe('agent');
    });

    test('another key is refused', async () => {
      await using town = await openTown(open);
      await town.agent('bob');
      const other = await town.store.enter({
        name: named('bob'),
        keyHash: keyOf('x'),
        kind: 'script',
        own: true,
        now: 1,
      });
      expect(other).toMatchObject({ ok: false, code: 'credential_refused' });
    });

    test('fifty at once with different keys make one agent', async () => {
      await using town = await openTown(open);
      const entrances = Array.from({ length: 50 }, (_, nth) =>
        town.store.enter({
          name: named('bob'),
          keyHash: keyOf(`key-${nth}`),
          kind: 'script',
          own: true,
          now: 1,
        }),
      );
      const outcomes = await Promise.all(entrances);
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      expect(await town.store.agents({ name: null, now: 1 })).toHaveLength(1);
    });

    test('nobody steps in as the system', async () => {
      await using town = await openTown(open);
      const outcome = await town.store.enter({
        name: named('system'),
        keyHash: keyOf('s'),
        kind: 'human',
        own: true,
        now: 1,
      });
      expect(outcome).toMatchObject({ ok: false, code: 'credential_refused' });
    });
  });

  describe('claiming a name', () => {
    test('two sessions at once: one holds it, the other is told a free name', async () => {
      await using town = await openTown(open);
      await town.agent('bob-2');
      const holding = (session: string): Promise<Claimed> => {
        const { agent: _, ...seat } = town.session(0 as AgentId, session, { role: 'holder' });
        return claim(town, 'bob', { session, hold: { seat, until: town.now + 60_000 } });
      };
      const [first, second] = await Promise.all([holding('session-one'), holding('session-two')]);
      expect(first).toMatchObject({ ok: true, created: true });
      expect(second).toMatchObject({ ok: false, code: 'name_live', details: { suggestion: 'bob-3' } });
      const [bob] = await town.store.agents({ name: named('bob'), now: town.now });
      expect(bob?.sessions).toMatchObject([{ id: 'session-one', role: 'holder' }]);
    });

    test('a holding session stands in the way until it is gone; its own hold does not', async () => {
      await using town = await openTown(open);
      const { agent } = granted(await claim(town, 'bob'));
      await town.store.attach(town.session(agent.id, 'session-one', { role: 'holder' }), town.now + 60_000);
      expect(await claim(town, 'bob', { session: 'session-two' })).toMatchObject({
        ok: false,
        code: 'name_live',
      });
      expect(await claim(town, 'bob')).toMatchObject({ ok: true, created: false });
      await town.store.detach({ session: 'session-one', now: town.now });
      expect(await claim(town, 'bob', { session: 'session-two' })).toMatchObject({
        ok: true,
        created: false,
      });
    });

    test('a satellite does not hold the name', async () => {
      await using town = await openTown(open);
      const bob = await town.agent('bob');
      await town.store.attach(town.session(bob, 'shell'), town.now + 60_000);
      expect(await claim(town, 'bob')).toMatchObject({ ok: true });
    });

    test('an anchor stands in the way until the caller has found it dead; a newer one still does', async () => {
      await using town = await openTown(open);
      const shell = { pid: 10, startedAt: 'monday' };
      const other = { pid: 10, startedAt: 'tuesday' };
      granted(await claim(town, 'bob', { anchor: shell }));
      const refused = await claim(town, 'bob', { session: 'session-two', anchor: other });
      expect(refused).toMatchObject({
        ok: false,
        code: 'name_live',
        details: { pid: 10, startedAt: 'monday' },
      });
      granted(await claim(town, 'bob', { anchor: shell }));
      granted(await claim(town, 'bob', { session: 'session-two', anchor: other, deadAnchor: shell }));
      expect((await town.profile('bob'))?.anchor).toEqual(other);
      const late = await claim(town, 'bob', { session: 'session-three', deadAnchor: shell });
      expect(late).toMatchObject({ ok: false, details: { startedAt: 'tuesday' } });
    });

    test('a wrong key gets a suggestion, not the name', async () => {
      await using town = await openTown(open);
      await town.agent('bob');
      const refused = await claim(town, 'bob', { keyHash: keyOf('somebody else') });
      expect(refused).toMatchObject({
        ok: false,
        code: 'credential_refused',
        details: { suggestion: 'bob-2' },
      });
    });

    test('nameless sessions get agent-N, never a name in use and never twice (I3)', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      await town.agent('agent-1');
      await town.send(ann, 'agent-2', 'to a name nobody took yet');
      const names = [];
      for (const session of ['one', 'two']) {
        const { agent } = granted(await claim(town, null, { session, keyHash: keyOf(session) }));
        names.push(agent.name);
      }
      expect(names).toEqual([named('agent-3'), named('agent-4')]);
    });

    test('what the claim says of itself is kept', async () => {
      await using town = await openTown(open);
      granted(await claim(town, 'bob', { about: 'porting the parser' }));
      expect(await town.profile('bob')).toMatchObject({ about: 'porting the parser', kind: 'agent' });
      granted(await claim(town, 'bob', { kind: 'script' }));
      expect(await town.profile('bob')).toMatchObject({ about: 'porting the parser', kind: 'agent' });
    });
  });

  describe('a name written to before anybody took it', () => {
    test('keeps its mail for whoever takes it', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      const sent = await town.send(ann, 'Nessa', 'welcome');
      expect(sent.deliveries).toMatchObject([{ name: 'Nessa', state: 'queued', unborn: true }]);
      expect(await town.profile('nessa')).toMatchObject({ unborn: true, waiting: 1 });
      const claimed = granted(await claim(town, 'nessa'));
      expect(claimed).toMatchObject({ created: true, waiting: 1 });
      expect(await town.profile('nessa')).toMatchObject({ name: 'nessa', unborn: false });
      expect(await town.take(claimed.agent.id)).toEqual(['welcome']);
    });

    test('mail for nobody expires after its week, and its sender is told; once taken it does not', async () => {
      await using town = await openTown(open);
      const ann = await town.agent('ann');
      const lost = await town.send(ann, 'nobody', 'hello?');
      await town.send(ann, 'nessa', 'welcome');
      town.pass(6 * DAY);
      const nessa = await town.agent('nessa');
      town.pass(2 * DAY);
      await town.sweep();
      expect(await town.receipt(ann, lost.id)).toMatchObject({ state: 'expired', to: 'nobody' });
      expect(await town.take(ann)).toEqual(['expired nobody: hello?']);
      expect(await town.take(nessa)).toEqual(['welcome']);
      await town.sweep();
      expect(await town.profile('nobody')).toBeUndefined();
    });
  });
}
