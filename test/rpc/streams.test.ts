import { expect, test } from 'bun:test';
import type { Output } from '../../src/protocol/operations.ts';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { rawSocket } from '../support/raw-socket.ts';
import { until } from '../support/until.ts';
import { rejection } from '../support/rejection.ts';

const HELLO = {
  jsonrpc: '2.0',
  id: 'hello',
  method: 'rpc.hello',
  params: {
    protocol: { min: 1, max: 1 },
    version: '0.0.0',
    caller: { client: 'raw', kind: 'human', pid: 1 },
    credential: { name: 'bob', key: 'k'.repeat(43) },
  },
};

type Item = Output<'watch'>;

/** An endless stream that counts what was asked of it. */
function source(bytes = 10) {
  const seen = { made: 0, ended: false };
  const body = 'x'.repeat(bytes);
  async function* watch({ after }: { after?: string }): AsyncGenerator {
    try {
      for (let number = Number(after ?? 0) + 1; ; number += 1) {
        seen.made += 1;
        yield { cursor: String(number), recipient: 'bob', message: { body } };
        await Promise.resolve();
      }
    } finally {
      seen.ended = true;
    }
  }
  return { seen, watch };
}

test('a reader that stops reading stops the writer after its credit', async () => {
  await using home = await temporaryHome();
  const { seen, watch } = source();
  await using _fake = fakeServer(home, { watch });
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame({ jsonrpc: '2.0', id: 1, method: 'watch', params: {} });
  await until(() => socket.lines.length === 1 + 64, 'as many items as there is credit');
  await socket.frame({ jsonrpc: '2.0', id: 2, method: 'who', params: 0 });
  await socket.answer(2);
  expect(seen.made).toBe(64);

  await socket.frame({ jsonrpc: '2.0', method: 'rpc.credit', params: { id: 1, count: 3 } });
  await until(() => socket.lines.length === 2 + 67, 'three more');
  expect(seen.made).toBe(67);
});

test('the client gives new credit as its items are read, and every item arrives once and in order', async () => {
  await using home = await temporaryHome();
  const { seen, watch } = source();
  await using _fake = fakeServer(home, { watch });
  const client = clientOf(home);
  const numbers: number[] = [];
  for await (const item of client.operations.watch({})) {
    numbers.push(Number(item.cursor));
    if (numbers.length === 500) break;
  }
  expect(numbers).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
  await until(() => seen.ended, 'the writer to be told');
  await client.close();
});

test('a reader that never reads keeps the server’s memory flat, and the others are served', async () => {
  await using home = await temporaryHome();
  const { seen, watch } = source(60_000);
  await using _fake = fakeServer(home, { watch, who: async () => ({ agents: [] }) });
  using deaf = await rawSocket(home.paths.socket, { reads: false });
  await deaf.frame(HELLO);
  await deaf.frame({ jsonrpc: '2.0', id: 1, method: 'watch', params: {} });
  for (let round = 0; round < 40; round += 1) {
    await deaf.frame({ jsonrpc: '2.0', method: 'rpc.credit', params: { id: 1, count: 1_000_000 } });
  }
  const client = clientOf(home);
  await until(() => seen.made > 0, 'the stream to begin');
  for (let round = 0; round < 200; round += 1) await client.operations.who({});
  await client.close();
  // 60 kB each: the socket's buffer and the low-water mark hold a dozen, not thousands.
  expect(seen.made).toBeLessThan(40);
});

test('a session that asks and asks without reading the answers is given up', async () => {
  await using home = await temporaryHome();
  const answer = { agents: [], you: 'x'.repeat(500_000) };
  await using fake = fakeServer(home, { who: async () => answer });
  using deaf = await rawSocket(home.paths.socket, { reads: false });
  await deaf.frame(HELLO);
  for (let id = 1; id <= 60; id += 1) void deaf.frame({ jsonrpc: '2.0', id, method: 'who', params: {} });
  await until(() => fake.closings.length === 1, 'the session to be given up');
  expect(fake.server.connections).toBe(0);
});

test('a reader that breaks off ends the stream at its source', async () => {
  await using home = await temporaryHome();
  const { seen, watch } = source();
  await using _fake = fakeServer(home, { watch });
  const client = clientOf(home);
  for await (const _item of client.operations.watch({})) break;
  await until(() => seen.ended, 'the source to be ended');
  await client.close();
});

test('an abort ends a stream that is waiting for its next item', async () => {
  await using home = await temporaryHome();
  let told = false;
  async function* watch(_input: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator {
    yield { cursor: '1' };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    told = true;
  }
  await using _fake = fakeServer(home, { watch });
  const client = clientOf(home);
  const stop = new AbortController();
  const items: Item[] = [];
  for await (const item of client.operations.watch({}, { signal: stop.signal })) {
    items.push(item);
    stop.abort();
  }
  expect(items).toHaveLength(1);
  await until(() => told, 'the source to be told');
  await client.close();
});

test('an abort of a waiting call is told to the daemon and its answer is no longer waited for', async () => {
  await using home = await temporaryHome();
  const told = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const check = async (_input: unknown, { signal }: { signal: AbortSignal }): Promise<unknown> => {
    begun.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    told.resolve();
    return { messages: [] };
  };
  await using _fake = fakeServer(home, { check });
  const client = clientOf(home);
  const stop = new AbortController();
  const waiting = client.operations.check({ reader: 'reader-1', wait: 60 }, { signal: stop.signal });
  await begun.promise;
  stop.abort();
  expect(await rejection(waiting)).toMatchObject({ code: 'interrupted' });
  await told.promise;
  await client.close();
});

test('a failure in the middle of a stream reaches its reader after the items before it', async () => {
  await using home = await temporaryHome();
  async function* watch(): AsyncGenerator {
    yield { cursor: '1' };
    yield { cursor: '2' };
    throw new Error('the source broke');
  }
  await using _fake = fakeServer(home, { watch });
  const client = clientOf(home);
  const cursors: string[] = [];
  const reading = (async () => {
    for await (const item of client.operations.watch({})) cursors.push(item.cursor);
  })();
  expect(await rejection(reading)).toMatchObject({ code: 'internal' });
  expect(cursors).toEqual(['1', '2']);
  await client.close();
});

test('a stream goes on after the last item when the connection breaks in between', async () => {
  await using home = await temporaryHome();
  const asked: (string | undefined)[] = [];
  const { watch } = source();
  const spied = (input: { after?: string }): AsyncGenerator => {
    asked.push(input.after);
    return watch(input);
  };
  const first = fakeServer(home, { watch: spied });
  const client = clientOf(home);
  const numbers: number[] = [];
  let second: ReturnType<typeof fakeServer> | undefined;
  for await (const item of client.operations.watch({})) {
    numbers.push(Number(item.cursor));
    if (numbers.length === 10) {
      await first.server.stop(0);
      second = fakeServer(home, { watch: spied });
    }
    if (numbers.length === 300) break;
  }
  expect(numbers).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  expect(asked).toHaveLength(2);
  await client.close();
  await second?.server.stop(0);
});

test('a stream that has given nothing yet goes on where it began, however often the connection breaks', async () => {
  await using home = await temporaryHome();
  const asked: (string | undefined)[] = [];
  let frontier = 7;
  const watch = async function* (
    { after }: { after?: string },
    { signal, begin }: { signal: AbortSignal; begin: (cursor: string) => void },
  ): AsyncGenerator {
    asked.push(after);
    begin(after ?? String(frontier));
    if (after === undefined || asked.length < 30) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return;
    }
    for (let cursor = Number(after) + 1; cursor <= frontier; cursor += 1) yield { cursor: String(cursor) };
  };
  let server = fakeServer(home, { watch });
  const client = clientOf(home);
  const reading = (async () => {
    const cursors: string[] = [];
    for await (const item of client.operations.watch({})) {
      cursors.push(item.cursor);
      if (cursors.length === 3) break;
    }
    return cursors;
  })();
  for (let life = 1; life < 30; life += 1) {
    await until(() => asked.length === life, 'the stream to be asked for');
    await server.server.stop(0);
    frontier = 10;
    server = fakeServer(home, { watch });
  }
  expect(await reading).toEqual(['8', '9', '10']);
  expect(asked).toEqual([undefined, ...Array.from({ length: 29 }, () => '7')]);
  await client.close();
  await server.server.stop(0);
});
