/** Webhooks as agents: they send, are sent nothing, and nobody takes their name (issue 4). */
import { afterEach, beforeEach, expect, test } from 'bun:test';
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

const send = (session: OpenSession, input: Input<'send'>): Promise<Output<'send'>> =>
  session.handlers.send(operations.send.input.parse(input), {});
const check = (session: OpenSession): Promise<Output<'check'>> =>
  session.handlers.check(operations.check.input.parse({ reader: 'reader-of-test' }), {});

test('what a webhook sends is of kind webhook, and verified unless it says that it cannot tell', async () => {
  const bob = await world.enter('bob', 'agent');
  const github = await world.enter('github', 'webhook');
  const credential = { name: 'forms', key: keyOf('forms') };
  const caller = { client: 'bearer', kind: 'webhook', pid: 1, unverified: true } as const;
  const forms = await world.broker.open({ caller, credential });
  await send(github, { to: ['bob'], body: 'signed' });
  await send(forms, { to: ['bob'], body: 'by token' });
  const { messages } = await check(bob);
  expect(messages.map(({ from }) => [from.name, from.kind, from.verified])).toEqual([
    ['github', 'webhook', true],
    ['forms', 'webhook', false],
  ]);
});

test('an answer to a webhook is refused at once and waits nowhere', async () => {
  const bob = await world.enter('bob', 'agent');
  await world.enter('github', 'webhook');
  const { deliveries } = await send(bob, { to: ['github'], body: 'thanks', expiresIn: 1 });
  expect(deliveries).toMatchObject([{ to: 'github', state: 'refused' }]);
  const { agents } = await bob.handlers.who({ name: 'github' as never }, {});
  expect(agents).toMatchObject([{ kind: 'webhook', waiting: 0 }]);
});

test('a chain of answers is not begun anew by what a webhook says', async () => {
  world.policy = { ...world.policy, guard: { ...world.policy.guard, depth: 3 } };
  const [ann, bob] = [await world.enter('ann', 'agent'), await world.enter('bob', 'agent')];
  const github = await world.enter('github', 'webhook');
  const states: string[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const [from, to] = turn % 2 === 0 ? [ann, bob] : [bob, ann];
    await send(github, { to: [from.agentName() ?? ''], body: `event ${turn}` });
    const { messages } = await check(from);
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await from.handlers.confirm({ reader: 'reader-of-test', door: 'tool', stage: 'handed', deliveries }, {});
    const sent = await send(from, { to: [to.agentName() ?? ''], body: `turn ${turn}` });
    states.push(sent.deliveries[0]?.state ?? '');
  }
  expect(states).toEqual(['queued', 'queued', 'held', 'queued']);
});

test('nobody else acts under the name of a webhook, whatever key is shown, and it acts under no other', async () => {
  await world.enter('bob', 'agent');
  await world.enter('github', 'webhook');
  for (const kind of ['agent', 'human', 'script'] as const)
    expect(await rejection(world.enter('github', kind))).toMatchObject({ code: 'credential_refused' });
  expect(await rejection(world.enter('bob', 'webhook'))).toMatchObject({ code: 'credential_refused' });
  const ann = await world.enter('ann', 'agent');
  const claim = operations.register.input.parse({ name: 'github', key: keyOf('github') });
  expect(await rejection(ann.handlers.register(claim, {}))).toMatchObject({
    code: 'name_taken',
    details: { suggestion: 'github-2' },
  });
});
