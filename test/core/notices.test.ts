/** What a person is told by a notice, by whom, and what is claimed of it (design §2; R3, R11). */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { operations, type Output } from '../../src/protocol/operations.ts';
import type { Door } from '../../src/protocol/model.ts';
import { openStore } from '../../src/store/open.ts';
import { keyOf, openWorld, type World } from './world.ts';

let world: World;
const ending: AbortController[] = [];

beforeEach(async () => {
  world = openWorld(await openStore({ path: ':memory:' }));
});
afterEach(async () => {
  for (const end of ending.splice(0)) end.abort();
  await world.store.close();
});

type News = Output<'notices'>['messages'];

interface Notifier {
  readonly session: OpenSession;
  readonly shown: News[];
  readonly end: AbortController;
}

test('mail that was taken over from another system is told by no notice', async () => {
  const person = await world.enter('pat', 'human');
  const { shown } = await notifier('teller');
  const message = operations['store.import'].input.parse({
    from: 'elsewhere',
    messages: [
      {
        id: '01890000-0000-8000-8000-000000000001',
        sender: 'fred',
        to: 'pat',
        sentAt: '2025-01-01T00:00:00Z',
        read: false,
        body: 'of long ago',
      },
    ],
  });
  await person.handlers['store.import'](message, {});
  await later();
  expect(shown).toEqual([]);
  const ann = await world.enter('ann');
  await ann.handlers.send(operations.send.input.parse({ to: ['pat'], body: 'of now' }), {});
  await later();
  expect(shown.flat().map(({ preview }) => preview)).toEqual(['of now']);
});

async function notifier(name: string): Promise<Notifier> {
  const session = await world.enter(name, 'agent');
  const end = new AbortController();
  ending.push(end);
  const shown: News[] = [];
  void (async () => {
    for await (const { messages } of session.handlers.notices({}, { signal: end.signal }))
      shown.push(messages);
  })();
  await turn();
  return { session, shown, end };
}

/** Lets everything run that needs no time. */
async function turn(): Promise<void> {
  for (let count = 0; count < 200; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function later(): Promise<void> {
  await turn();
  for (let second = 0; second < 4; second += 1) {
    world.clock.advance(1_000);
    await turn();
  }
}

const send = (from: OpenSession, to: string, body: string): Promise<Output<'send'>> =>
  from.handlers.send(operations.send.input.parse({ to: [to], body }), {});

async function hold(name: string, doors: Door[]): Promise<OpenSession> {
  const session = await world.broker.open({ caller: { client: 'test', kind: 'agent', pid: 1 } });
  const request = { name, key: keyOf(name), kind: 'agent', hold: true, doors };
  await session.handlers.register(operations.register.input.parse(request), {});
  return session;
}

const bodies = ({ shown }: Notifier): string[][] =>
  shown.map((news) => news.map(({ from, to, preview }) => `${from} ${to}: ${preview}`));

test('a burst for a person is one notice', async () => {
  await world.enter('ann', 'human');
  const one = await notifier('desktop');
  const bob = await world.enter('bob', 'agent');
  for (const body of ['a', 'b', 'c']) await send(bob, 'ann', body);
  await later();
  expect(bodies(one)).toEqual([['bob ann: a', 'bob ann: b', 'bob ann: c']]);
});

test('only one of two notifiers is told; when it goes the other shows what was not shown, once (R11)', async () => {
  await world.enter('ann', 'human');
  const bob = await world.enter('bob', 'agent');
  const [one, two] = [await notifier('one'), await notifier('two')];
  const shown = await send(bob, 'ann', 'shown');
  await later();
  expect([bodies(one), bodies(two)]).toEqual([[['bob ann: shown']], []]);
  await one.session.handlers.noticed({ to: 'ann', ids: [shown.id] }, {});
  await send(bob, 'ann', 'given, and the notifier died');
  await later();
  expect(bodies(two)).toEqual([]);
  one.end.abort();
  await later();
  expect(bodies(two)).toEqual([['bob ann: given, and the notifier died']]);
  expect(one.shown).toHaveLength(2);
});

test('a notice is an offer and no more, claimed after it was shown; a restart does not repeat it', async () => {
  await world.enter('ann', 'human');
  const bob = await world.enter('bob', 'agent');
  const one = await notifier('one');
  const { id } = await send(bob, 'ann', 'hello');
  await later();
  const receipt = async () =>
    (await bob.handlers.receipts(operations.receipts.input.parse({ id }), {})).messages[0]?.receipts[0];
  expect((await receipt())?.state).toBe('queued');
  await one.session.handlers.noticed({ to: 'ann', ids: [id] }, {});
  expect(await receipt()).toMatchObject({ state: 'offered', offeredBy: ['notice'] });
  one.end.abort();
  world.restart();
  const next = await notifier('next');
  await later();
  expect(next.shown).toEqual([]);
});

test('what could not be shown is not given to the same notifier again (R3)', async () => {
  await world.enter('ann', 'human');
  const bob = await world.enter('bob', 'agent');
  const one = await notifier('one');
  await send(bob, 'ann', 'first');
  await later();
  await send(bob, 'ann', 'second');
  await later();
  expect(bodies(one)).toEqual([['bob ann: first'], ['bob ann: second']]);
});

test('a session is told of when nothing wakes it: not beside a channel, not while its hooks look', async () => {
  const bob = await world.enter('bob', 'agent');
  const one = await notifier('one');
  await hold('desktop', ['tool']);
  await hold('pushed', ['tool', 'channel']);
  const working = await hold('working', ['tool', 'hook']);
  for (const name of ['desktop', 'pushed', 'working', 'nobody']) await send(bob, name, 'hi');
  await later();
  expect(bodies(one)).toEqual([['bob desktop: hi']]);
  await working.handlers.describe(operations.describe.input.parse({ activity: 'idle' }), {});
  await send(bob, 'working', 'are you there');
  await later();
  expect(bodies(one).slice(1)).toEqual([['bob working: hi', 'bob working: are you there']]);
});

test('hours without a call end no notifier: what comes then is told like the first (R2)', async () => {
  await world.enter('ann', 'human');
  const bob = await world.enter('bob', 'agent');
  const one = await notifier('one');
  await send(bob, 'ann', 'before');
  await later();
  for (let hour = 0; hour < 25; hour += 1) {
    world.clock.advance(3_600_000);
    await turn();
  }
  await send(bob, 'ann', 'after');
  await later();
  expect(bodies(one)).toEqual([['bob ann: before'], ['bob ann: after']]);
});

test('nobody may claim a notice that was not theirs to show', async () => {
  await world.enter('ann', 'human');
  const bob = await world.enter('bob', 'agent');
  const { id } = await send(bob, 'ann', 'hello');
  const claim = bob.handlers.noticed({ to: 'ann', ids: [id] }, {});
  expect(
    await claim.then(
      () => 'claimed',
      (error: unknown) => (error as { code?: string }).code,
    ),
  ).toBe('not_allowed');
});
