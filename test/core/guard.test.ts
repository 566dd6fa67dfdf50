/** Loop guard, quotas and do-not-disturb (design §5): who is held or refused, who is told, what lifts it. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { defaultPolicy } from '../../src/core/policy.ts';
import { Failure } from '../../src/protocol/failures.ts';
import type { MessageId } from '../../src/protocol/model.ts';
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

/** Everything unread, confirmed as handed. */
async function take(session: OpenSession): Promise<Output<'check'>['messages']> {
  const reader = 'reader-test';
  const got = await session.handlers.check(operations.check.input.parse({ reader, bytes: 500_000 }), {});
  const deliveries = got.messages.map(({ id, attempt }) => ({ id, attempt }));
  await session.handlers.confirm({ reader, door: 'tool', stage: 'handed', deliveries }, {});
  return got.messages;
}

async function agent(name: string): Promise<OpenSession> {
  const session = await world.broker.open({ caller: { client: 'test', kind: 'script', pid: 1 } });
  await session.handlers.register(
    operations.register.input.parse({ name, key: keyOf(name), kind: 'agent', hold: true }),
    {},
  );
  return session;
}

async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error(`wanted a Failure, found ${String(error)}`);
}

describe('the loop guard, for agents', () => {
  test('a burst is let through, then the rate holds, and the refusal says when to try again', async () => {
    const bob = await agent('bob');
    for (let n = 0; n < 30; n += 1) await send(bob, { to: ['ann'], body: `n ${n}` });
    const refused = await failure(send(bob, { to: ['ann'], body: 'one more' }));
    expect(refused.code).toBe('rate_limited');
    expect(refused.details).toEqual({ retryAfterSeconds: 1 });
    world.clock.advance(1_000);
    expect((await send(bob, { to: ['ann'], body: 'one more' })).deliveries).toHaveLength(1);
  });

  test('the same text to the same recipient within ten seconds is refused, with another id or none', async () => {
    const bob = await agent('bob');
    await send(bob, { to: ['ann'], body: 'ping' });
    expect((await failure(send(bob, { to: ['ann'], body: 'ping' }))).code).toBe('repeated');
    await send(bob, { to: ['cyd'], body: 'ping' });
    world.clock.advance(10_001);
    await send(bob, { to: ['ann'], body: 'ping' });
  });

  test('a resend with the same id is not a repeat', async () => {
    const bob = await agent('bob');
    const id = crypto.randomUUID() as MessageId;
    await send(bob, { id, to: ['ann'], body: 'ping' });
    expect((await send(bob, { id, to: ['ann'], body: 'ping' })).duplicate).toBe(true);
  });

  test('scripts and people are not slowed down', async () => {
    const script = await world.enter('cron');
    for (let n = 0; n < 100; n += 1) await send(script, { to: ['ann'], body: 'same' });
    expect(
      (await script.handlers.receipts(operations.receipts.input.parse({ limit: 100 }), {})).messages,
    ).toHaveLength(100);
  });

  test('@all to more than ten must be asked for', async () => {
    const bob = await agent('bob');
    for (let n = 0; n < 11; n += 1) await agent(`peer-${n}`);
    const refused = await failure(send(bob, { to: ['@all'], body: 'hello everyone' }));
    expect(refused.code).toBe('fan_out');
    expect((await send(bob, { to: ['@all'], body: 'hello everyone', go: true })).deliveries).toHaveLength(11);
  });
});

describe('a chain of messages that follow from one another', () => {
  /** Two agents answer each other until something is not queued; returns how many got through. */
  async function pingPong(
    ann: OpenSession,
    bob: OpenSession,
  ): Promise<{ through: number; last: Output<'send'> }> {
    let through = 0;
    let last = await send(ann, { to: ['bob'], body: `start ${world.clock.now()}` });
    for (let turn = 0; turn < 100 && last.deliveries[0]?.state === 'queued'; turn += 1) {
      through += 1;
      const [reader, peer] = turn % 2 === 0 ? [bob, 'ann'] : [ann, 'bob'];
      await take(reader);
      world.clock.advance(2_000);
      last = await send(reader, { to: [peer], body: `turn ${turn} at ${world.clock.now()}` });
    }
    return { through, last };
  }

  test('is held at depth thirty; the sender is told why and the person is told once', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    const person = await world.enter('olga', 'human');
    const { through, last } = await pingPong(ann, bob);
    expect(through).toBe(29);
    expect(last.deliveries[0]).toMatchObject({ state: 'held', reason: expect.stringContaining('30') });
    const told = await take(person);
    expect(told.map((message) => message.from.kind)).toEqual(['system']);
    expect(told[0]?.body).toContain('ipc release');
  });

  test('goes on once a person releases it, and the chain begins anew', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    const person = await world.enter('olga', 'human');
    const { last } = await pingPong(ann, bob);
    expect((await person.handlers.release({ id: last.id }, {})).released).toBe(1);
    const [first] = [...(await take(ann)), ...(await take(bob))];
    expect(first?.id).toBe(last.id);
    expect((await pingPong(ann, bob)).through).toBe(29);
  });

  test('begins anew with every message of a person, so an honest discussion is not disturbed', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    const person = await world.enter('olga', 'human');
    for (let round = 0; round < 4; round += 1) {
      await send(person, { to: ['ann', 'bob'], body: `and what about ${round}?` });
      await take(ann);
      await take(bob);
      for (let turn = 0; turn < 10; turn += 1) {
        const [from, to, reader] =
          turn % 2 === 0 ? ([ann, 'bob', bob] as const) : ([bob, 'ann', ann] as const);
        const sent = await send(from, { to: [to], body: `${round}.${turn}` });
        expect(sent.deliveries[0]?.state).toBe('queued');
        await take(reader);
        world.clock.advance(2_000);
      }
    }
  });

  test('is not broken by taking another name', async () => {
    const [ann, bob] = [await agent('ann'), await agent('bob')];
    await pingPong(ann, bob);
    await bob.handlers.rename(operations.rename.input.parse({ name: 'robert' }), {});
    world.clock.advance(5_000);
    const sent = await send(bob, { to: ['ann'], body: 'it is me again' });
    expect(sent.deliveries[0]?.state).toBe('held');
  });
});

describe('do not disturb', () => {
  test('what comes during a pause is held and arrives, in order, when it ends', async () => {
    const [bob, cron] = [await world.enter('bob'), await world.enter('cron')];
    await bob.handlers.pause({ seconds: 60 }, {});
    for (const body of ['one', 'two']) {
      expect((await send(cron, { to: ['bob'], body })).deliveries[0]?.state).toBe('held');
    }
    expect(await take(bob)).toEqual([]);
    world.clock.advance(61_000);
    await world.tend();
    expect((await take(bob)).map((message) => message.body)).toEqual(['one', 'two']);
  });

  test('a muted sender is held for me only, and nothing is lost by it', async () => {
    const [bob, cyd, cron] = [await world.enter('bob'), await world.enter('cyd'), await world.enter('cron')];
    await bob.handlers.mute(operations.mute.input.parse({ name: 'cron' }), {});
    const sent = await send(cron, { to: ['bob', 'cyd'], body: 'beep' });
    expect(sent.deliveries.map((to) => to.state)).toEqual(['held', 'queued']);
    expect(await take(cyd)).toHaveLength(1);
    expect(
      (await bob.handlers.mute(operations.mute.input.parse({ name: 'cron', off: true }), {})).released,
    ).toBe(1);
    expect((await take(bob)).map((message) => message.body)).toEqual(['beep']);
  });

  test('only a person may pause somebody else', async () => {
    const bob = await agent('bob');
    await agent('ann');
    expect((await failure(bob.handlers.pause(operations.pause.input.parse({ name: 'ann' }), {}))).code).toBe(
      'not_allowed',
    );
    const person = await world.enter('olga', 'human');
    expect((await person.handlers.pause(operations.pause.input.parse({ name: 'ann' }), {})).name).toBe('ann');
  });
});

describe('quotas', () => {
  test('a full mailbox refuses with a clear error and loses nothing (D9, R4)', async () => {
    world.policy = { ...defaultPolicy, quotas: { ...defaultPolicy.quotas, mailbox: 3 } };
    const [bob, cron] = [await world.enter('bob'), await world.enter('cron')];
    for (const body of ['1', '2', '3']) await send(cron, { to: ['bob'], body });
    const refused = await failure(send(cron, { to: ['bob'], body: '4' }));
    expect(refused.code).toBe('mailbox_full');
    expect(refused.message).toContain('bob');
    expect((await take(bob)).map((message) => message.body)).toEqual(['1', '2', '3']);
    await send(cron, { to: ['bob'], body: '4' });
  });

  test('a send to many is refused whole when one mailbox is full: nobody gets half a broadcast', async () => {
    world.policy = { ...defaultPolicy, quotas: { ...defaultPolicy.quotas, mailbox: 1 } };
    const [bob, ann, cron] = [await world.enter('bob'), await world.enter('ann'), await world.enter('cron')];
    await send(cron, { to: ['bob'], body: 'full now' });
    expect((await failure(send(cron, { to: ['ann', 'bob'], body: 'both' }))).code).toBe('mailbox_full');
    expect(await take(ann)).toEqual([]);
    expect(await take(bob)).toHaveLength(1);
  });

  test('invented names are limited (D20)', async () => {
    world.policy = { ...defaultPolicy, quotas: { ...defaultPolicy.quotas, unbornNames: 2 } };
    const cron = await world.enter('cron');
    await send(cron, { to: ['new-1', 'new-2'], body: 'hi' });
    expect((await failure(send(cron, { to: ['new-3'], body: 'hi' }))).code).toBe('mailbox_full');
  });
});
