/** Answers that once said more, or other, than was true (found by a fault hunt on the binary). */
import { afterEach, beforeEach, expect, test } from 'bun:test';
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
const register = (session: OpenSession, input: Omit<Input<'register'>, 'key'> & { name: string }) =>
  session.handlers.register(operations.register.input.parse({ ...input, key: keyOf(input.name) }), {});
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );
const names = async (session: OpenSession): Promise<string[]> =>
  (await session.handlers.who({}, {})).agents
    .filter((agent) => agent.presence !== 'gone')
    .map((agent) => agent.name);

test('a question that reaches nobody is not waited for', async () => {
  const ann = await world.enter('ann');
  for (const to of ['#empty', 'system']) {
    const input = operations.ask.input.parse({
      to: [to],
      body: 'anybody?',
      reader: 'reader-ask',
      timeout: 60,
    });
    const { sent, answer } = await ann.handlers.ask(input, {});
    expect(answer).toBeUndefined();
    expect(sent.deliveries.every((delivery) => delivery.state === 'refused')).toBe(true);
  }
});

test('a message that would expire before anybody could be shown it is refused', async () => {
  const ann = await world.enter('ann');
  const past = { to: ['bob'], body: 'late', expiresAt: '2020-01-01T00:00:00Z' };
  expect(await failureOf(send(ann, past))).toMatchObject({ code: 'invalid_data' });
  const [notBefore, expiresAt] = ['2030-01-01T02:00:00Z', '2030-01-01T01:00:00Z'];
  expect(await failureOf(send(ann, { to: ['bob'], body: 'never', notBefore, expiresAt }))).toMatchObject({
    code: 'invalid_data',
  });
});

test('nobody but a person at a terminal is of kind human', async () => {
  const script = await world.enter('cron');
  expect(await failureOf(register(script, { name: 'boss', kind: 'human' }))).toMatchObject({
    code: 'not_allowed',
  });
  const person = await world.enter('olga', 'human');
  expect((await register(person, { name: 'boss', kind: 'human' })).name).toBe('boss');
});

test('a shell that takes another name leaves the one it had', async () => {
  world.live.add(7);
  const anchor = { pid: 7, startedAt: 'then' };
  const shell = await world.enter('first');
  await register(shell, { name: 'first', anchor });
  expect(await names(shell)).toEqual(['first']);
  await register(shell, { name: 'second', anchor });
  expect(await names(shell)).toEqual(['second']);
});

test('send and who say the same of a recipient', async () => {
  world.live.add(7);
  const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
  await register(bob, { name: 'bob', anchor: { pid: 7, startedAt: 'then' } });
  const here = async () =>
    (await ann.handlers.who(operations.who.input.parse({ name: 'bob' }), {})).agents[0]?.presence;
  expect((await send(ann, { to: ['bob'], body: 'one' })).deliveries[0]?.presence).toBe(
    (await here()) ?? 'unborn',
  );
  world.clock.advance(600_000);
  expect((await send(ann, { to: ['bob'], body: 'two' })).deliveries[0]?.presence).toBe(
    (await here()) ?? 'unborn',
  );
  expect(await here()).toBe('idle');
});

test('a rename to the same name promises no forward', async () => {
  const fred = await world.enter('fred');
  const renamed = await fred.handlers.rename(operations.rename.input.parse({ name: 'Fred' }), {});
  expect(renamed).toEqual({ from: 'fred', to: 'Fred', told: 0 });
});

test('an id in upper case is the same message', async () => {
  const ann = await world.enter('ann');
  const id = '01a1fbe7-c6b5-763d-9c49-099b1516c983';
  await send(ann, { id, to: ['bob'], body: 'once' });
  expect((await send(ann, { id: id.toUpperCase(), to: ['bob'], body: 'once' })).duplicate).toBe(true);
});

test('@ALL is everybody, and a reserved name is nobody’s mailbox', async () => {
  const ann = await world.enter('ann');
  expect((await send(ann, { to: ['@ALL'], body: 'hello' })).deliveries).toEqual([]);
  expect(await failureOf(send(ann, { to: ['ipcfoo'], body: 'hello' }))).toMatchObject({
    code: 'invalid_name',
  });
});

test('structured data arrives as it was, with keys such as __proto__, and null', async () => {
  const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
  const texts = ['{"__proto__":{"a":1},"constructor":2,"list":[null,{"toString":3}]}', 'null'];
  for (const text of texts) await send(ann, { to: ['bob'], body: 'data', data: JSON.parse(text) as never });
  const got = await bob.handlers.check(operations.check.input.parse({ reader: 'reader-data' }), {});
  expect(got.messages.map((message) => JSON.stringify(message.data))).toEqual(texts);
});

test('what the system says cannot be muted', async () => {
  const ann = await world.enter('ann');
  expect(
    await failureOf(ann.handlers.mute(operations.mute.input.parse({ name: 'system' }), {})),
  ).toMatchObject({ code: 'not_allowed' });
});

test('a key that is not 256 bits is none', async () => {
  const entering = world.broker.open({
    caller: { client: 'test', kind: 'script', pid: 1 },
    credential: { name: 'ann', key: 'a' },
  });
  expect(await failureOf(entering)).toMatchObject({ code: 'credential_refused' });
});
