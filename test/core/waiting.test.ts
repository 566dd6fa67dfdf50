/** What waits: ask, check --wait, watch; and who is said to be here while they do (design §5, §6). */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { Failure } from '../../src/protocol/failures.ts';
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
const ask = (
  session: OpenSession,
  input: Omit<Input<'ask'>, 'reader'>,
  signal?: AbortSignal,
): Promise<Output<'ask'>> =>
  session.handlers.ask(
    operations.ask.input.parse({ ...input, reader: 'reader-ask' }),
    signal === undefined ? {} : { signal },
  );
const check = (session: OpenSession, input: Partial<Input<'check'>> = {}): Promise<Output<'check'>> =>
  session.handlers.check(operations.check.input.parse({ reader: 'reader-check', ...input }), {});

/** Waits, without a clock, until the world says so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
const waitingFor = (session: OpenSession, count: number) => async (): Promise<boolean> =>
  (await session.handlers.whoami({}, {})).you?.waiting === count;

describe('ask', () => {
  test('returns the answer, and only the answer', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const answering = ask(ann, { to: ['bob'], body: 'which port?', timeout: 60 });
    await until(waitingFor(bob, 1));
    await send(bob, { to: ['ann'], body: 'by the way' });
    const [question] = (await check(bob)).messages;
    await bob.handlers.reply(operations.reply.input.parse({ message: question?.id, body: '8080' }), {});
    const { sent, answer } = await answering;
    expect(answer?.body).toBe('8080');
    expect(answer?.replyTo).toBe(sent.id);
    expect((await check(ann)).messages.map((message) => message.body)).toEqual(['by the way']);
  });

  test('gives a ticket when the time runs out, and the answer then comes as a message', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const asking = ask(ann, { to: ['bob'], body: 'which port?', timeout: 2 });
    await until(waitingFor(bob, 1));
    world.clock.advance(2_001);
    const { sent, answer } = await asking;
    expect(answer).toBeUndefined();
    await bob.handlers.reply(operations.reply.input.parse({ message: sent.id, body: 'late: 8080' }), {});
    expect((await check(ann)).messages.map((message) => message.body)).toEqual(['late: 8080']);
  });

  test('an answer acknowledges the request', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const answering = ask(ann, { to: ['bob'], body: 'ok?', timeout: 60 });
    await until(waitingFor(bob, 1));
    await check(bob);
    await bob.handlers.reply(
      operations.reply.input.parse({ body: 'yes', message: (await check(bob)).messages[0]?.id }),
      {},
    );
    const { sent } = await answering;
    const [receipts] = (await ann.handlers.receipts(operations.receipts.input.parse({ id: sent.id }), {}))
      .messages;
    expect(receipts?.receipts[0]?.state).toBe('acked');
  });

  test('asked again with its id after a broken connection, it waits for the same answer', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const id = crypto.randomUUID() as Output<'send'>['id'];
    const broken = new AbortController();
    const first = ask(ann, { id, to: ['bob'], body: 'which port?', timeout: 60 }, broken.signal);
    await until(waitingFor(bob, 1));
    broken.abort();
    expect((await first).answer).toBeUndefined();
    const second = ask(ann, { id, to: ['bob'], body: 'which port?', timeout: 60 });
    await bob.handlers.reply(operations.reply.input.parse({ message: id, body: '8080' }), {});
    expect(await second).toMatchObject({ sent: { duplicate: true }, answer: { body: '8080' } });
    expect((await check(bob)).messages).toEqual([]);
  });
});

describe('check --wait', () => {
  test('returns as soon as something comes', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    const waiting = check(bob, { wait: 60 });
    await until(async () =>
      (await ann.handlers.who(operations.who.input.parse({}), {})).agents.some(
        (agent) => agent.name === 'bob',
      ),
    );
    await send(ann, { to: ['bob'], body: 'now' });
    expect((await waiting).messages.map((message) => message.body)).toEqual(['now']);
  });

  test('a message whose reader died comes to the waiting one, marked', async () => {
    const [ann, bob, other] = [await world.enter('ann'), await world.enter('bob'), await world.enter('bob')];
    await send(ann, { to: ['bob'], body: 'once' });
    expect((await check(other, { reader: 'reader-dying' })).messages).toHaveLength(1);
    const waiting = check(bob, { wait: 60 });
    await until(async () =>
      (await ann.handlers.who(operations.who.input.parse({}), {})).agents.some(
        (agent) => agent.name === 'bob',
      ),
    );
    await other.close('gone');
    expect((await waiting).messages).toMatchObject([{ body: 'once', again: true, attempt: 2 }]);
  });
});

describe('a reader whose connection breaks while its check is under way', () => {
  test('gives back what it was leased, at once', async () => {
    const [ann, bob, other] = [await world.enter('ann'), await world.enter('bob'), await world.enter('bob')];
    await send(ann, { to: ['bob'], body: 'once' });
    const checking = check(other, { reader: 'reader-dying' });
    await other.close('gone');
    await checking;
    expect((await check(bob)).messages).toMatchObject([{ body: 'once', again: true }]);
  });
});

describe('history', () => {
  test('gives as much as one answer holds, and a cursor for the rest', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    for (let n = 0; n < 20; n += 1) await send(ann, { to: ['bob'], body: `${n} ${'\u0001'.repeat(60_000)}` });
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await bob.handlers.history(operations.history.input.parse({ limit: 500, before }), {});
      expect(JSON.stringify(page).length).toBeLessThan(6 * 600_000);
      seen.unshift(...page.messages.map((message) => message.body.split(' ', 1)[0] ?? ''));
      before = page.before;
    } while (before !== undefined);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
  });
});

describe('watch', () => {
  async function take(stream: AsyncIterable<Output<'watch'>>, count: number): Promise<string[]> {
    const bodies: string[] = [];
    for await (const { message } of stream) {
      bodies.push(message.body);
      if (bodies.length === count) break;
    }
    return bodies;
  }

  test('follows what arrives, in order, and marks nothing', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    await send(ann, { to: ['bob'], body: 'before' });
    const following = take(bob.handlers.watch(operations.watch.input.parse({}), {}), 3);
    await until(
      async () =>
        (await send(ann, { to: ['bob'], body: 'probe' })).deliveries[0]?.doors.includes('watch') === true,
    );
    await send(ann, { to: ['bob'], body: 'last' });
    await send(ann, { to: ['bob'], body: 'last' });
    const bodies = await following;
    expect(bodies).not.toContain('before');
    expect((await check(bob, { peek: true, bytes: 500_000 })).messages[0]?.body).toBe('before');
    const [receipt] = (await ann.handlers.receipts(operations.receipts.input.parse({ limit: 1 }), {}))
      .messages;
    expect(receipt?.receipts[0]?.state).toBe('queued');
  });

  test('begins with the unread when asked to, and goes on from a cursor', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    for (const body of ['one', 'two', 'three']) await send(ann, { to: ['bob'], body });
    const first = bob.handlers.watch(operations.watch.input.parse({ unread: true }), {});
    let cursor = '';
    for await (const item of first) {
      cursor = item.cursor;
      break;
    }
    expect(await take(bob.handlers.watch(operations.watch.input.parse({ after: cursor }), {}), 2)).toEqual([
      'two',
      'three',
    ]);
  });

  test('everybody’s traffic is for people only', async () => {
    const script = await world.enter('cron');
    const stream = script.handlers.watch(operations.watch.input.parse({ everyone: true }), {});
    const error = await take(stream, 1).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Failure);
    const person = await world.enter('olga', 'human');
    const following = take(
      person.handlers.watch(operations.watch.input.parse({ everyone: true, after: '0' }), {}),
      1,
    );
    await send(script, { to: ['bob'], body: 'not for olga' });
    expect(await following).toEqual(['not for olga']);
  });
});

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
