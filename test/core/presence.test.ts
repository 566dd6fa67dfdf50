/** Who is said to be here, and on what grounds (design §4, §5). */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { operations, type Input, type Output } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { keyOf, openWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = openWorld(await openStore({ path: ':memory:' }));
});
afterEach(() => world.store.close());

const send = (session: OpenSession, input: Input<'send'>): Promise<Output<'send'>> =>
  session.handlers.send(operations.send.input.parse(input), {});
const check = (session: OpenSession, input: Partial<Input<'check'>> = {}): Promise<Output<'check'>> =>
  session.handlers.check(operations.check.input.parse({ reader: 'reader-check', ...input }), {});

/** Waits, without a clock, until the world says so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
describe('who is here', () => {
  const names = async (session: OpenSession): Promise<string[]> =>
    (await session.handlers.who(operations.who.input.parse({}), {})).agents.map(
      (agent) => `${agent.name} ${agent.presence}`,
    );

  async function hold(name: string): Promise<OpenSession> {
    const session = await world.broker.open({ caller: { client: 'test', kind: 'script', pid: 1 } });
    await session.handlers.register(
      operations.register.input.parse({ name, key: keyOf(name), hold: true }),
      {},
    );
    return session;
  }

  test('a one-shot command is not; a session is, until it goes', async () => {
    const ann = await world.enter('ann');
    await world.enter('oneshot');
    const bob = await hold('bob');
    expect(await names(ann)).toEqual(['ann gone', 'bob online']);
    await bob.close('gone');
    expect(await names(ann)).toEqual(['ann gone']);
  });

  test('a session that is silent for five minutes is idle, and online again when it acts', async () => {
    const ann = await world.enter('ann');
    const bob = await hold('bob');
    for (let minute = 0; minute < 6; minute += 1) {
      world.clock.advance(60_000);
      await world.tend();
    }
    expect(await names(ann)).toContain('bob idle');
    await bob.handlers.describe({ activity: 'busy' }, {});
    expect(await names(ann)).toContain('bob online');
  });

  test('a wall clock that jumps a day either way makes nobody vanish', async () => {
    const ann = await world.enter('ann');
    await hold('bob');
    for (const jump of [86_400_000, -172_800_000]) {
      world.clock.jump(jump);
      expect((await names(ann)).join()).toMatch(/bob (online|idle)/);
    }
  });

  test('a live holder keeps its name; the second is told a free one; a dead anchor does not stand in the way', async () => {
    await hold('bob');
    const second = await hold('bob').then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(second).toMatchObject({ code: 'name_live', details: { suggestion: 'bob-2' } });
    const anchored = async (name: string, pid: number) => {
      const session = await world.broker.open({ caller: { client: 'shell', kind: 'script', pid: 1 } });
      return session.handlers.register(
        operations.register.input.parse({ name, key: keyOf(name), anchor: { pid, startedAt: '1' } }),
        {},
      );
    };
    world.live.add(100);
    await anchored('cyd', 100);
    expect(
      await anchored('cyd', 200).then(
        () => null,
        (reason: unknown) => reason,
      ),
    ).toMatchObject({ code: 'name_live' });
    world.live.delete(100);
    expect((await anchored('cyd', 200)).created).toBe(false);
  });

  test('a session that goes while its name is being taken holds nothing', async () => {
    const session = await world.broker.open({ caller: { client: 'test', kind: 'script', pid: 1 } });
    const request = operations.register.input.parse({ name: 'bob', key: keyOf('bob'), hold: true });
    const taking = session.handlers.register(request, {}).then(
      () => null,
      (reason: unknown) => reason,
    );
    await session.close('gone');
    expect(await taking).toMatchObject({ code: 'interrupted' });
    await hold('bob');
  });

  test('two streams share a door, and it stays open until both have ended', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const doors = async () =>
      (await ann.handlers.who(operations.who.input.parse({ name: 'bob' }), {})).agents[0]?.doors;
    const ends = [new AbortController(), new AbortController()];
    const streams = ends.map(({ signal }) =>
      (async () => {
        for await (const item of bob.handlers.watch(operations.watch.input.parse({}), { signal })) void item;
      })(),
    );
    await until(async () => (await doors())?.includes('watch') === true);
    ends[0]?.abort();
    await streams[0];
    expect(await doors()).toEqual(['watch']);
    ends[1]?.abort();
    await streams[1];
    expect(await doors()).toEqual([]);
  });

  test('an agent can be removed once the shell it stood for is dead, and says nothing any more', async () => {
    const [ann, shell] = [await world.enter('ann'), await world.enter('fred')];
    world.live.add(300);
    await shell.handlers.register(
      operations.register.input.parse({
        name: 'fred',
        key: keyOf('fred'),
        anchor: { pid: 300, startedAt: '1' },
      }),
      {},
    );
    const remove = () =>
      ann.handlers['agent.remove'](operations['agent.remove'].input.parse({ name: 'fred' }), {});
    expect(await remove().catch((reason: unknown) => reason)).toMatchObject({ code: 'name_live' });
    world.live.delete(300);
    expect((await remove()).removed).toBe('fred');
    const ghost = await send(shell, { to: ['ann'], body: 'boo' }).catch((reason: unknown) => reason);
    expect(ghost).toMatchObject({ code: 'not_registered' });
  });

  test('--as beside the live holder only peeks, unless it takes', async () => {
    const [ann, bob] = [await world.enter('ann'), await hold('bob')];
    await send(ann, { to: ['bob'], body: 'for bob' });
    const borrower = await world.enter('bob', 'script', true);
    expect(await check(borrower)).toMatchObject({
      peeked: true,
      remaining: 0,
      messages: [{ body: 'for bob' }],
    });
    expect(await check(borrower, { take: true, reader: 'reader-taker' })).toMatchObject({
      peeked: false,
      messages: [{ body: 'for bob' }],
    });
    await bob.close('gone');
  });
});

describe('an open request', () => {
  test('is reminded of once when its recipient goes idle, and its sender is told the same moment', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const sent = await send(ann, { to: ['bob'], body: 'please review', intent: 'request' });
    const got = await check(bob);
    await bob.handlers.confirm(
      {
        reader: 'reader-check',
        door: 'hook',
        stage: 'handed',
        deliveries: got.messages.map(({ id, attempt }) => ({ id, attempt })),
      },
      {},
    );
    expect((await bob.handlers.describe({ activity: 'idle' }, {})).reminded).toEqual([sent.id]);
    expect((await check(ann)).messages).toMatchObject([
      { from: { kind: 'system' }, body: expect.stringContaining(sent.id) },
    ]);
    expect((await check(bob)).messages).toMatchObject([
      { from: { kind: 'system' }, body: expect.stringContaining(`ipc reply ${sent.id}`) },
    ]);
    expect((await bob.handlers.describe({ activity: 'idle' }, {})).reminded).toEqual([]);
  });
});
