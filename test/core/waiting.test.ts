/** What waits: ask, check --wait, watch; and what a broken connection gives back (design §2, §6). */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { Failure } from '../../src/protocol/failures.ts';
import { operations, type Input, type Output } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { openWorld, type World } from './world.ts';

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
