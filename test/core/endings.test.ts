/** How a sender is told of what never arrived, in words that say which of the ways it was. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { OpenSession } from '../../src/core/broker.ts';
import { operations, type Request } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = openWorld(await openStore({ path: ':memory:' }));
});
afterEach(async () => {
  await world.store.close();
});

const DAY = 86_400_000;

async function send(from: OpenSession, to: string, body: string, more: object = {}): Promise<string> {
  const request = operations.send.input.parse({ to: [to], body, ...more });
  return (await from.handlers.send(request, {})).id;
}

async function check(session: OpenSession, reader: string): Promise<readonly string[]> {
  const request: Request<'check'> = operations.check.input.parse({
    reader: `00000000-0000-4000-8000-${reader.padStart(12, '0')}`,
    door: 'cli',
  });
  return (await session.handlers.check(request, {})).messages.map(({ body }) => body);
}

test('five hand-overs that nobody confirmed: the message is dead, kept, and its sender told so', async () => {
  const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
  const id = await send(ann, 'bob', `poison, ${'x'.repeat(300)}\nand a second line`);
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    expect(await check(bob, `${attempt}`)).toHaveLength(1);
    world.clock.advance(31_000);
  }
  expect(await check(bob, '6')).toEqual([]);
  const [notice = ''] = await check(ann, '1');
  expect(notice).toStartWith(`${id} ("poison, xxx`);
  expect(notice).toEndWith(
    'could not be handed to bob: the hand-over failed too often. It is kept: ipc history --state dead',
  );
  expect(notice).not.toContain('second line');
  const dead = await ann.handlers.history(operations.history.input.parse({ state: 'dead' }), {});
  expect(dead.messages.map((message) => String(message.id))).toEqual([id]);
});

test('an end that came before the recipient did, and a name nobody ever took, are told apart', async () => {
  const [ann] = [await world.enter('ann'), await world.enter('bob')];
  const late = await send(ann, 'bob', 'in a minute', { expiresIn: 60 });
  const unborn = await send(ann, 'ghost', 'are you there?');
  world.clock.advance(61_000);
  await world.tend();
  expect(await check(ann, '1')).toEqual([
    `${late} ("in a minute") expired before bob was handed it. You can still read it: ipc history ${late}`,
  ]);
  world.clock.advance(8 * DAY);
  await world.tend();
  expect((await check(ann, '2')).at(-1)).toBe(
    `${unborn} ("are you there?") expired: nobody named ghost ever came. You can still read it: ipc history ${unborn}`,
  );
});

test('the past of a topic and of everybody, and an export that goes on where it ended', async () => {
  const ann = await world.enter('ann', 'agent');
  const bob = await world.enter('bob', 'agent');
  await bob.handlers['topic.join'](operations['topic.join'].input.parse({ topic: 'reviews' }), {});
  await send(ann, '#reviews', 'to the topic');
  await send(ann, '@all', 'to all');
  await send(ann, 'me', 'to myself');
  const past = async (other: string): Promise<readonly string[]> => {
    const request = operations.history.input.parse({ with: other });
    return (await ann.handlers.history(request, {})).messages.map(({ body }) => body);
  };
  expect(await past('#Reviews')).toEqual(['to the topic']);
  expect(await past('@all')).toEqual(['to all']);
  const exported = async (after?: string): Promise<{ bodies: string[]; cursor: string | undefined }> => {
    const found: { bodies: string[]; cursor: string | undefined } = { bodies: [], cursor: after };
    const request = operations.export.input.parse(after === undefined ? {} : { after });
    for await (const { body, cursor } of ann.handlers.export(request, {})) {
      found.bodies.push(body);
      found.cursor = cursor;
    }
    return found;
  };
  const whole = await exported();
  expect(whole.bodies).toEqual(['to the topic', 'to all', 'to myself']);
  await send(ann, 'bob', 'later');
  expect((await exported(whole.cursor)).bodies).toEqual(['later']);
});

test('a message sent again under its id after its recipient was renamed is the same message', async () => {
  const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
  const id = await send(ann, 'bob', 'once');
  await bob.handlers.rename(operations.rename.input.parse({ name: 'robert' }), {});
  const again = await ann.handlers.send(
    operations.send.input.parse({ id, to: ['robert'], body: 'once' }),
    {},
  );
  expect([again.duplicate, again.deliveries.map(({ to }) => to)]).toEqual([true, ['robert']]);
  const other = operations.send.input.parse({ id, to: ['carl'], body: 'once' });
  expect(await ann.handlers.send(other, {}).catch((error: unknown) => error)).toMatchObject({
    code: 'conflict',
  });
});
