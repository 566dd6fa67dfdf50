/** Which doors an agent has open, which are proven, and what a hook asks for at each event (design §2). */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import type { Store } from '../../src/core/ports.ts';
import { operations, type Input, type Output } from '../../src/protocol/operations.ts';
import type { AgentView, Door } from '../../src/protocol/model.ts';
import { openStore } from '../../src/store/open.ts';
import { keyOf, openWorld, type World } from './world.ts';

let world: World;
/** Calls of the store that make a hand-over. */
let fetches = 0;

beforeEach(async () => {
  const store = await openStore({ path: ':memory:' });
  const counting: Store = {
    ...store,
    fetch: (...asked) => {
      fetches += 1;
      return store.fetch(...asked);
    },
  };
  fetches = 0;
  world = openWorld(counting);
});
afterEach(() => world.store.close());

const check = (session: OpenSession, input: Partial<Input<'check'>> = {}): Promise<Output<'check'>> =>
  session.handlers.check(operations.check.input.parse({ reader: 'reader-check', ...input }), {});
const send = (session: OpenSession, body: string): Promise<Output<'send'>> =>
  session.handlers.send(operations.send.input.parse({ to: ['bob'], body }), {});

async function hold(name: string, doors?: Door[]): Promise<OpenSession> {
  const session = await world.broker.open({ caller: { client: 'test', kind: 'agent', pid: 1 } });
  const request = { name, key: keyOf(name), hold: true, ...(doors === undefined ? {} : { doors }) };
  await session.handlers.register(operations.register.input.parse(request), {});
  return session;
}

async function bob(): Promise<AgentView> {
  const asking = await world.enter('asking');
  const { agents } = await asking.handlers.who(operations.who.input.parse({ name: 'bob' }), {});
  const [view] = agents;
  if (view === undefined) throw new Error('nobody');
  return view;
}

/** Waits, without a clock, until the world says so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

test('a holder’s doors are open beside its streams, and stay open when a stream ends', async () => {
  const holder = await hold('bob', ['tool']);
  expect((await bob()).doors).toEqual(['tool']);
  const end = new AbortController();
  const watching = (async () => {
    const request = operations.watch.input.parse({ door: 'channel' });
    for await (const item of holder.handlers.watch(request, { signal: end.signal })) void item;
  })();
  await until(async () => (await bob()).doors.includes('channel'));
  expect((await bob()).doors).toEqual(['tool', 'channel']);
  end.abort();
  await watching;
  expect(await bob()).toMatchObject({ doors: ['tool'], sessions: [{ role: 'holder', doors: ['tool'] }] });
  await holder.close('gone');
  expect((await bob()).doors).toEqual([]);
});

test('a stream opened before the name was taken is one of the holder’s doors', async () => {
  const session = await world.enter('bob', 'agent');
  const end = new AbortController();
  const watching = (async () => {
    const request = operations.watch.input.parse({ door: 'channel' });
    for await (const item of session.handlers.watch(request, { signal: end.signal })) void item;
  })();
  await until(async () => (await bob()).doors.includes('channel'));
  const register = { name: 'bob', key: keyOf('bob'), hold: true, doors: ['tool'] };
  await session.handlers.register(operations.register.input.parse(register), {});
  expect((await bob()).doors).toEqual(['tool', 'channel']);
  end.abort();
  await watching;
  expect((await bob()).doors).toEqual(['tool']);
});

test('a hook’s check shows that the session there runs hooks, from then on', async () => {
  const holder = await hold('bob', ['tool']);
  const hook = await world.enter('bob', 'agent');
  await check(hook);
  expect((await bob()).doors).toEqual(['tool']);
  await check(hook, { door: 'hook', reader: 'reader-hook' });
  await hook.close('gone');
  expect(await bob()).toMatchObject({
    doors: ['tool', 'hook'],
    sessions: [{ role: 'holder', doors: ['tool', 'hook'] }],
  });
  await world.tend();
  expect((await bob()).doors).toEqual(['tool', 'hook']);
  await holder.close('gone');
  expect((await bob()).doors).toEqual([]);
});

test('a hook without a session to run in opens no door', async () => {
  const hook = await world.enter('bob', 'agent');
  await check(hook, { door: 'hook' });
  expect(await bob()).toMatchObject({ doors: [], sessions: [], presence: 'gone' });
});

test('a hook is told what is not proven in the one step of its check; nobody else is', async () => {
  const [ann, hook] = [await world.enter('ann'), await world.enter('bob', 'agent')];
  await send(ann, 'hello');
  const asked = { door: 'hook', unproven: true } as const;
  const got = await check(hook, asked);
  expect(got.unproven).toEqual([]);
  expect(got.messages.map(({ offeredBy }) => offeredBy)).toEqual([undefined]);
  const deliveries = got.messages.map(({ id, attempt }) => ({ id, attempt }));
  const reader = 'reader-check';
  await hook.handlers.confirm({ reader, door: 'hook', stage: 'handed', deliveries }, {});
  fetches = 0;
  expect((await check(hook, asked)).unproven).toMatchObject([{ id: got.messages[0]?.id, door: 'hook' }]);
  expect(fetches).toBe(1);
  expect(await check(hook)).not.toHaveProperty('unproven');
  await hook.handlers.confirm({ reader, door: 'hook', stage: 'seen', deliveries }, {});
  expect((await check(hook, asked)).unproven).toEqual([]);
});

test('what a monitor offered says so when the hook hands it over, and seen proves the monitor', async () => {
  const [ann, hook] = [await world.enter('ann'), await world.enter('bob', 'agent')];
  await send(ann, 'hello');
  const peeked = await check(hook, { peek: true });
  const deliveries = peeked.messages.map(({ id, attempt }) => ({ id, attempt }));
  const say = (stage: 'offered' | 'seen') =>
    hook.handlers.confirm({ reader: 'reader-check', door: 'monitor', stage, deliveries }, {});
  await say('offered');
  expect((await bob()).confirmedDoors).toEqual([]);
  expect((await check(hook, { door: 'hook' })).messages).toMatchObject([{ offeredBy: ['monitor'] }]);
  await say('seen');
  expect((await bob()).confirmedDoors).toEqual(['monitor']);
  expect((await check(hook, { door: 'hook' })).messages).toEqual([]);
});

test('receipts tell for each recipient which doors are open and which were ever proven', async () => {
  const ann = await world.enter('ann');
  await hold('bob', ['tool']);
  const { id } = await send(ann, 'hello');
  const reach = async () => {
    const { messages } = await ann.handlers.receipts(operations.receipts.input.parse({ id }), {});
    return messages[0]?.receipts[0];
  };
  expect(await reach()).toMatchObject({ to: 'bob', state: 'queued', doors: ['tool'], confirmedDoors: [] });
  const hook = await world.enter('bob', 'agent');
  const got = await check(hook, { door: 'hook' });
  expect(await reach()).toMatchObject({ state: 'queued', doors: ['tool', 'hook'], confirmedDoors: [] });
  const deliveries = got.messages.map(({ id: of, attempt }) => ({ id: of, attempt }));
  await hook.handlers.confirm({ reader: 'reader-check', door: 'hook', stage: 'handed', deliveries }, {});
  expect(await reach()).toMatchObject({
    state: 'handed',
    door: 'hook',
    doors: ['tool', 'hook'],
    confirmedDoors: ['hook'],
  });
});
