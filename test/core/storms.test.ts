/** What a loop may try, not knowing, to get out of the guard's sight (design §5), and an honest talk that it leaves alone. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { operations, type Input, type Output } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { rejection } from '../support/rejection.ts';
import { keyOf, openWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = openWorld(await openStore({ path: ':memory:' }));
});
afterEach(() => world.store.close());

type Message = Output<'check'>['messages'][number];

const send = (session: OpenSession, input: Input<'send'>): Promise<Output<'send'>> =>
  session.handlers.send(operations.send.input.parse(input), {});

const register = (session: OpenSession, name: string) =>
  session.handlers.register(
    operations.register.input.parse({ name, key: keyOf(name), kind: 'agent', hold: true }),
    {},
  );

async function agent(name: string, program?: string): Promise<OpenSession> {
  const caller = {
    client: 'test',
    kind: 'agent',
    pid: 1,
    ...(program === undefined ? {} : { program }),
  } as const;
  const session = await world.broker.open({ caller });
  await register(session, name);
  return session;
}

const check = (session: OpenSession, more: Partial<Input<'check'>> = {}) =>
  session.handlers.check(
    operations.check.input.parse({ reader: 'reader-test', bytes: 500_000, ...more }),
    {},
  );

/** Everything unread, confirmed as handed. */
async function take(session: OpenSession): Promise<readonly Message[]> {
  const { messages } = await check(session);
  const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
  await session.handlers.confirm({ reader: 'reader-test', door: 'tool', stage: 'handed', deliveries }, {});
  return messages;
}

type Turn = (turn: number, said: string) => Promise<Output<'send'>>;

/** Each in turn reads what came and says something, until it is held or a hundred times; returns how often. */
async function loop(first: Turn, second: Turn): Promise<number> {
  for (let turn = 0; turn < 100; turn += 1) {
    world.clock.advance(2_000);
    const sent = await (turn % 2 === 0 ? first : second)(turn, `${turn} at ${world.clock.now()}`);
    if (sent.deliveries.every(({ state }) => state === 'held')) return turn;
  }
  return 100;
}

/** Reads as it is told to, then sends. */
function turns(
  session: OpenSession,
  to: string,
  read: (session: OpenSession) => Promise<unknown> = take,
): Turn {
  return async (_turn, body) => {
    await read(session);
    return await send(session, { to: [to], body });
  };
}

describe('a loop is held', () => {
  test('when its agents only look at their mail', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    const look = (session: OpenSession) => check(session, { peek: true });
    expect(await loop(turns(ann, 'bob', look), turns(bob, 'ann', look))).toBe(29);
  });

  test('when its agents never say that they have read', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    let readers = 0;
    const lease = (session: OpenSession) => check(session, { reader: `reader-${(readers += 1)}` });
    expect(await loop(turns(ann, 'bob', lease), turns(bob, 'ann', lease))).toBe(29);
  });

  test('when its agents follow along and mark nothing', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    const stop = new AbortController();
    const followed = async (session: OpenSession) => {
      const stream = session.handlers.watch(operations.watch.input.parse({ unread: true }), {
        signal: stop.signal,
      });
      return stream[Symbol.asyncIterator]();
    };
    const [one, other] = [await followed(ann), await followed(bob)];
    const first: Turn = async (turn, body) => {
      if (turn > 0) await one.next();
      return await send(ann, { to: ['bob'], body });
    };
    const second: Turn = async (_turn, body) => {
      await other.next();
      return await send(bob, { to: ['ann'], body });
    };
    expect(await loop(first, second)).toBe(29);
    stop.abort();
  });

  test('when a script passes on what one says to the other', async () => {
    const [ann, script] = [await agent('ann'), await world.enter('script')];
    // Every second message is the script's, which is never held itself.
    expect(await loop(turns(ann, 'script'), turns(script, 'ann'))).toBe(58);
  });

  test('when each takes another name for each answer, in its session or in a new one of its program', async () => {
    for (const how of ['register', 'open'] as const) {
      const [ann, bob] = [await agent(`ann-${how}`, `ann ${how}`), await agent(`bob-${how}`, `bob ${how}`)];
      for (const session of [ann, bob])
        await session.handlers['topic.join'](operations['topic.join'].input.parse({ topic: how }), {});
      const hopping = (session: OpenSession, who: string): Turn => {
        let current = session;
        return async (turn, body) => {
          await take(current);
          const name = `${who}-${how}-${turn}`;
          if (how === 'register') await register(current, name);
          else current = await agent(name, `${who} ${how}`);
          await current.handlers['topic.join'](operations['topic.join'].input.parse({ topic: how }), {});
          return await send(current, { to: [`#${how}`], body });
        };
      };
      expect(await loop(hopping(ann, 'ann'), hopping(bob, 'bob'))).toBe(29);
    }
  });

  test('when everybody answers the oldest of the many messages that wait', async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, (_, number) => agent(`agent${number}`)));
    for (const session of sessions)
      await session.handlers['topic.join'](operations['topic.join'].input.parse({ topic: 'crowd' }), {});
    const [first] = sessions;
    if (first === undefined) throw new Error('wanted an agent');
    await send(first, { to: ['#crowd'], body: 'who is there?' });
    let held = 0;
    let rounds = 0;
    for (; held === 0 && rounds < 100; rounds += 1) {
      world.clock.advance(20_000);
      for (const [number, session] of sessions.entries()) {
        const { messages } = await check(session, { limit: 1 });
        const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
        if (messages.length === 0) continue;
        await session.handlers.confirm(
          { reader: 'reader-test', door: 'tool', stage: 'handed', deliveries },
          {},
        );
        const sent = await send(session, { to: ['#crowd'], body: `${number} in round ${rounds}` });
        if (sent.deliveries.some(({ state }) => state === 'held')) held += 1;
      }
    }
    expect(rounds).toBeLessThan(30);
  });

  test('when one sends for minutes on end as much as it may, and a person’s word to it begins anew', async () => {
    const [bob, olga] = [await agent('bob'), await world.enter('olga', 'human')];
    await agent('ann');
    let sent = 0;
    for (let tries = 0; tries < 400; tries += 1) {
      world.clock.advance(500);
      try {
        const { deliveries } = await send(bob, { to: ['ann'], body: `line ${tries}` });
        if (deliveries[0]?.state === 'held') break;
        sent += 1;
      } catch {
        // The rate limit, which says when to come again.
      }
    }
    expect(sent).toBeGreaterThanOrEqual(150);
    expect(sent).toBeLessThan(160);
    await send(olga, { to: ['bob'], body: 'carry on' });
    await take(bob);
    world.clock.advance(2_000);
    expect((await send(bob, { to: ['ann'], body: 'the rest' })).deliveries).toMatchObject([
      { state: 'queued' },
    ]);
  });
});

describe('what the guard asks', () => {
  test('a message to many counts once for each ten of them', async () => {
    const bob = await agent('bob');
    const names = Array.from({ length: 25 }, (_, number) => `name${number}`);
    for (let n = 0; n < 10; n += 1) await send(bob, { to: names, body: `n ${n}` });
    const refused = await rejection(send(bob, { to: names, body: 'more' }));
    expect(refused).toMatchObject({ code: 'rate_limited' });
  });

  test('another name costs as much as a message, and brings no new allowance', async () => {
    const bob = await agent('bob');
    for (let n = 0; n < 30; n += 1) await send(bob, { to: ['ann'], body: `n ${n}` });
    expect(await rejection(register(bob, 'robert'))).toMatchObject({ code: 'rate_limited' });
    const rename = () => bob.handlers.rename(operations.rename.input.parse({ name: 'rob' }), {});
    expect(await rejection(rename())).toMatchObject({ code: 'rate_limited' });
    world.clock.advance(1_000);
    await register(bob, 'robert');
    expect(await rejection(send(bob, { to: ['ann'], body: 'me again' }))).toMatchObject({
      code: 'rate_limited',
    });
  });
});

describe('the person', () => {
  test('is told again when the loop goes on after a release and is held again', async () => {
    const [ann, bob, olga] = [await agent('ann'), await agent('bob'), await world.enter('olga', 'human')];
    for (let round = 0; round < 3; round += 1) {
      await loop(turns(ann, 'bob'), turns(bob, 'ann'));
      expect(await take(olga)).toHaveLength(1);
      await olga.handlers.release({}, {});
    }
  });

  test('who never came from a terminal is told through the agents concerned', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    await loop(turns(ann, 'bob'), turns(bob, 'ann'));
    for (const session of [ann, bob]) {
      const told = await take(session);
      expect(told.filter(({ from }) => from.kind === 'system').map(({ body }) => body)).toEqual([
        expect.stringContaining('ipc release'),
      ]);
    }
  });

  test('who looks into the mailbox of an agent puts nothing before the agent', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    expect(await loop(turns(ann, 'bob'), turns(bob, 'ann'))).toBe(29);
    const cyd = await agent('cyd');
    await send(ann, { to: ['cyd'], body: 'held, the chain is at its end' });
    const looking = await world.enter('cyd', 'human', true);
    await check(looking, { peek: true });
    expect((await send(cyd, { to: ['bob'], body: 'hello' })).deliveries).toMatchObject([{ state: 'queued' }]);
  });

  test('is told also when what goes round has filled their mailbox', async () => {
    const [olga, script] = [await world.enter('olga', 'human'), await world.enter('script', 'script')];
    for (let number = 0; number < 1_100; number += 1)
      await send(script, { to: ['olga'], body: `one of many: ${number}` });
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    expect(await loop(turns(ann, 'bob'), turns(bob, 'ann'))).toBeLessThan(100);
    const told: string[] = [];
    for (let got = await take(olga); got.length > 0; got = await take(olga))
      told.push(...got.filter(({ from }) => from.kind === 'system').map(({ body }) => body ?? ''));
    expect(told).toEqual([expect.stringContaining('ipc release')]);
  });
});

describe('an honest discussion', () => {
  test('of a hundred messages is not disturbed when the person speaks to one of the two now and then', async () => {
    const [ann, bob, olga] = [await agent('ann'), await agent('bob'), await world.enter('olga', 'human')];
    for (let turn = 0; turn < 120; turn += 1) {
      world.clock.advance(5_000);
      const [from, to] = turn % 2 === 0 ? ([ann, 'bob'] as const) : ([bob, 'ann'] as const);
      // By a prompt at its terminal, or by a message; never to bob.
      if (turn % 24 === 0) await ann.handlers.describe({ activity: 'prompted' }, {});
      if (turn % 24 === 12) await send(olga, { to: ['ann'], body: `and what about ${turn}?` });
      await take(from);
      const sent = await send(from, { to: [to], body: `thought ${turn}` });
      expect(sent.deliveries).toMatchObject([{ state: 'queued' }]);
    }
    expect(await take(olga)).toEqual([]);
  });
});
