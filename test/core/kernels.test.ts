/** Kernels as agents: who hosts one, who may execute on it, and what of a message to it runs (design §5). */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import type { AskHost } from '../../src/core/kernels.ts';
import { operations, type Input, type Output } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { rejection } from '../support/rejection.ts';
import { keyOf, openWorld, type World } from './world.ts';

let world: World;
const asked: unknown[] = [];

beforeEach(async () => {
  asked.length = 0;
  world = openWorld(await openStore({ path: ':memory:' }));
});
afterEach(() => world.store.close());

const answering: AskHost = async (method, params) => {
  asked.push([method, params]);
  return 'answered';
};

async function host(name: string, executors: readonly string[], ask = answering): Promise<OpenSession> {
  const session = await world.broker.open({ caller: { client: 'kernel', kind: 'kernel', pid: 1 }, ask });
  await register(session, { name, kind: 'kernel', hold: true, key: keyOf(name), executors: [...executors] });
  return session;
}

const register = (session: OpenSession, input: Input<'register'>): Promise<Output<'register'>> =>
  session.handlers.register(operations.register.input.parse(input), {});
const send = (session: OpenSession, input: Input<'send'>): Promise<Output<'send'>> =>
  session.handlers.send(operations.send.input.parse(input), {});
const check = (session: OpenSession): Promise<Output<'check'>> =>
  session.handlers.check(operations.check.input.parse({ reader: 'reader-of-test' }), {});

test('people, the owner and whom the owner allows may execute; the daemon says who asks', async () => {
  await host('py', ['ann', 'bob']);
  for (const [name, kind] of [
    ['ann', 'agent'],
    ['bob', 'script'],
    ['eve', 'human'],
  ] as const) {
    const { asker, kernel } = await (await world.enter(name, kind)).provider('PY');
    expect([asker, kernel]).toEqual([{ name, kind, verified: true, client: 'test' }, 'py']);
  }
  const mallory = await world.enter('mallory', 'agent');
  expect(await rejection(mallory.provider('py'))).toMatchObject({
    code: 'not_allowed',
    hint: 'ipc kernel allow py mallory',
  });
});

test('webhooks may not, whatever name they have', async () => {
  await host('py', ['github']);
  const github = await world.enter('github', 'webhook');
  expect(await rejection(github.provider('py'))).toMatchObject({ code: 'not_allowed' });
  expect((await send(github, { to: ['py'], body: '1+1' })).deliveries).toMatchObject([{ state: 'refused' }]);
});

test('a message to a kernel reaches its host from those who may execute, and from nobody else', async () => {
  const kernel = await host('py', ['ann']);
  const [ann, bob] = [await world.enter('ann', 'agent'), await world.enter('bob', 'agent')];
  expect((await send(ann, { to: ['py'], body: '1+1' })).deliveries).toMatchObject([{ state: 'queued' }]);
  expect((await send(bob, { to: ['py'], body: '2+2' })).deliveries).toMatchObject([
    { state: 'refused', reason: expect.stringContaining('people, its owner and those it allows') },
  ]);
  expect((await check(kernel)).messages.map(({ body }) => body)).toEqual(['1+1']);
});

test('what strangers wrote to a name before it was a kernel is refused, and never runs', async () => {
  const mallory = await world.enter('mallory', 'agent');
  const early = await send(mallory, { to: ['py'], body: 'import os' });
  expect(early.deliveries).toMatchObject([{ state: 'queued' }]);
  const kernel = await host('py', ['ann']);
  expect((await check(kernel)).messages).toEqual([]);
  const { messages } = await mallory.handlers.receipts(operations.receipts.input.parse({ id: early.id }), {});
  expect(messages).toMatchObject([{ receipts: [{ to: 'py', state: 'refused' }] }]);
});

test('a token of the HTTP door that is good for sending runs no code', async () => {
  await host('py', ['ann']);
  await world.enter('ann', 'agent');
  const token = await world.broker.open({
    caller: { client: 'http', kind: 'script', pid: 1 },
    credential: { name: 'ann', key: keyOf('ann') },
  });
  expect((await send(token, { to: ['py'], body: '1+1' })).deliveries).toMatchObject([{ state: 'refused' }]);
});

test('neither @all nor a topic reaches a kernel', async () => {
  const kernel = await host('py', ['ann']);
  const ann = await world.enter('ann', 'human');
  await world.enter('bob', 'agent');
  expect((await send(ann, { to: ['@all'], body: 'rm -rf' })).deliveries.map(({ to }) => to)).toEqual(['bob']);
  expect((await check(kernel)).messages).toEqual([]);
});

test('when the host is gone, calls and messages say so and what to run', async () => {
  const kernel = await host('py', ['ann']);
  const ann = await world.enter('ann', 'agent');
  await kernel.close('gone');
  expect(await rejection(ann.provider('py'))).toMatchObject({
    code: 'kernel_unavailable',
    hint: 'ipc kernel connect py',
  });
  expect((await send(ann, { to: ['py'], body: '1+1' })).deliveries).toMatchObject([
    { state: 'refused', reason: expect.stringContaining('ipc kernel connect py') },
  ]);
});

test('without a name the only kernel is meant; of several none is guessed', async () => {
  const ann = await world.enter('ann', 'human');
  expect(await rejection(ann.provider(undefined))).toMatchObject({
    code: 'no_such_kernel',
    hint: 'ipc kernel start',
  });
  await host('py', []);
  expect((await ann.provider(undefined)).kernel).toBe('py');
  await host('r', []);
  expect(await rejection(ann.provider(undefined))).toMatchObject({
    message: expect.stringContaining('py, r'),
  });
  expect(await rejection(ann.provider('bob'))).toMatchObject({ code: 'no_such_kernel' });
});

test('only a host holds the name of a kernel, one at a time, and takes nobody else’s', async () => {
  await host('py', []);
  for (const kind of ['agent', 'human', 'script'] as const)
    expect(await rejection(world.enter('py', kind))).toMatchObject({ code: 'credential_refused' });
  const ann = await world.enter('ann', 'agent');
  expect(await rejection(register(ann, { name: 'py', key: keyOf('py') }))).toMatchObject({
    code: 'name_taken',
  });
  expect(
    await rejection(register(ann, { name: 'x', key: keyOf('x'), kind: 'kernel', hold: true })),
  ).toMatchObject({
    code: 'not_allowed',
  });
  expect(await rejection(host('py', []))).toMatchObject({
    code: 'name_live',
    details: { suggestion: 'py-2' },
  });
  expect(await rejection(host('ann', []))).toMatchObject({ code: 'name_taken' });
});

test('an owner who is renamed stays the owner', async () => {
  await host('py', ['ann']);
  const ann = await world.enter('ann', 'agent');
  await ann.handlers.rename(operations.rename.input.parse({ name: 'anna' }), {});
  expect((await ann.provider('py')).asker.name).toBe('anna');
  world.clock.advance(3 * 3_600_000);
  // The host learns which name is meant, and keeps the new one.
  expect((await ann.provider('py')).asker).toMatchObject({ name: 'anna', once: 'ann' });
});

test('whoever takes an owner’s old name later is not the owner', async () => {
  await host('py', ['ann']);
  const ann = await world.enter('ann', 'agent');
  await ann.handlers.rename(operations.rename.input.parse({ name: 'anna' }), {});
  world.clock.advance(3 * 3_600_000);
  const other = await world.enter('ann', 'agent');
  expect(await rejection(other.provider('py'))).toMatchObject({ code: 'not_allowed' });
  expect((await send(other, { to: ['py'], body: '1+1' })).deliveries).toMatchObject([{ state: 'refused' }]);
  expect((await ann.provider('py')).asker.name).toBe('anna');
});

test('a name that is allowed before anybody has it is whoever’s takes it first', async () => {
  await host('py', ['ann']);
  const first = await world.enter('ann', 'agent');
  expect((await first.provider('py')).asker.name).toBe('ann');
});
