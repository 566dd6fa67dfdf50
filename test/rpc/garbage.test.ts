import { expect, test } from 'bun:test';
import { lstatSync } from 'node:fs';
import { fakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rawSocket } from '../support/raw-socket.ts';
import { until } from '../support/until.ts';

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
const who = (id: number | string, params: unknown = {}) => ({ jsonrpc: '2.0', id, method: 'who', params });
const handlers = { who: async () => ({ agents: [] }) };

/** Whatever came before, somebody else is still served. */
async function expectServed(home: TestHome): Promise<void> {
  using other = await rawSocket(home.paths.socket);
  await other.frame(HELLO);
  await other.frame(who(1));
  expect(await other.answer(1)).toMatchObject({ result: { agents: [] } });
}

function code(frame: Record<string, unknown>): unknown {
  return (frame['error'] as { data?: { code?: string } } | undefined)?.data?.code;
}

test('a hello and the first call may travel in one write', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.write(`${JSON.stringify(HELLO)}\n${JSON.stringify(who(1))}\n`);
  expect(await socket.answer('hello')).toMatchObject({ result: { agent: 'bob', protocol: 1 } });
  expect(await socket.answer(1)).toMatchObject({ result: { agents: [] } });
  expect(fake.openings[0]?.credential?.name).toBe('bob');
});

test('a frame that comes byte by byte is one frame', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  for (const byte of `${JSON.stringify(HELLO)}\n`) await socket.write(byte);
  expect(await socket.answer('hello')).toMatchObject({ result: { agent: 'bob' } });
});

test.each([
  ['text that is not JSON', 'GET / HTTP/1.1\r\n\r\n', 'malformed'],
  ['JSON that is not JSON-RPC', '{"hello":"world"}\n', 'malformed'],
  ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"who"}]\n', 'malformed'],
  ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0xfe, 0x22, 0x0a), 'malformed'],
  ['a frame of more than 1 MiB', `"${'x'.repeat(1_100_000)}"\n`, 'too_large'],
  ['a frame of more than 1 MiB that never ends', 'x'.repeat(1_100_000), 'too_large'],
  ['a first frame of more than 64 KiB', `"${'x'.repeat(70_000)}"\n`, 'too_large'],
  ['JSON nested 30,000 deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}\n`, 'malformed'],
])(
  '%s is answered with a word why and the connection closed; the daemon lives on',
  async (_name, bytes, expected) => {
    await using home = await temporaryHome();
    await using _fake = fakeServer(home, handlers);
    using socket = await rawSocket(home.paths.socket);
    await socket.write(bytes);
    expect(code(await socket.at(0))).toBe(expected);
    await socket.ended();
    await expectServed(home);
  },
);

test('a call before the hello is refused and the connection closed', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(who(1));
  expect(code(await socket.answer(1))).toBe('malformed');
  await socket.ended();
});

test('a connection that says nothing is not kept', async () => {
  await using home = await temporaryHome();
  let ring = (): void => undefined;
  await using fake = fakeServer(home, handlers, {
    after: (_milliseconds, run) => {
      ring = run;
      return () => undefined;
    },
  });
  using socket = await rawSocket(home.paths.socket);
  await until(() => fake.server.connections === 1, 'the connection');
  ring();
  expect(code(await socket.at(0))).toBe('timed_out');
  await socket.ended();
  await until(() => fake.server.connections === 0, 'the connection to be forgotten');
});

test('a peer that closes half a frame later leaves nothing behind', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, handlers);
  const socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.answer('hello');
  await socket.write('{"jsonrpc":"2.0","id":1,');
  socket[Symbol.dispose]();
  await until(() => fake.closings.length === 1, 'the session to be closed');
  expect(fake.closings).toEqual(['gone']);
  expect(fake.server.connections).toBe(0);
});

test('an operation that does not exist is named, with the nearest that does', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame({ jsonrpc: '2.0', id: 1, method: 'hwo' });
  expect(await socket.answer(1)).toMatchObject({
    error: { code: -32601, data: { details: { suggestion: 'who' } } },
  });
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'rpc.secret'])(
  'the method %s is as unknown as any other',
  async (method) => {
    await using home = await temporaryHome();
    await using _fake = fakeServer(home, handlers);
    using socket = await rawSocket(home.paths.socket);
    await socket.frame(HELLO);
    await socket.frame({ jsonrpc: '2.0', id: 1, method });
    expect(code(await socket.answer(1))).toBe('unknown_operation');
    await socket.frame(who(2));
    expect(await socket.answer(2)).toHaveProperty('result');
  },
);

test('parameters named like prototype members change nothing', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.write(
    '{"jsonrpc":"2.0","id":1,"method":"who","params":{"__proto__":{"all":true},"constructor":1}}\n',
  );
  expect(await socket.answer(1)).toHaveProperty('result');
  expect(({} as Record<string, unknown>)['all']).toBeUndefined();
});

test('parameters of another shape are refused with the place where they differ', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame(who(1, { all: 'yes' }));
  await socket.frame(who(2, { name: 'two words' }));
  await socket.frame(who(3, 'bob'));
  const wrong = await socket.answer(1);
  expect(code(wrong)).toBe('invalid');
  expect(wrong).toMatchObject({ error: { message: expect.stringContaining('all') } });
  expect(code(await socket.answer(2))).toBe('invalid_name');
  expect(code(await socket.answer(3))).toBe('invalid');
});

test('an id that is under way cannot be used again', async () => {
  await using home = await temporaryHome();
  const gate = Promise.withResolvers<unknown>();
  await using _fake = fakeServer(home, { who: () => gate.promise });
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame(who(1));
  await socket.frame(who(1));
  expect(code(await socket.answer(1))).toBe('invalid');
  gate.resolve({ agents: [] });
  await until(() => socket.lines.length === 3, 'the answer to the first');
});

test('an id of thousands of characters is none', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame(who('x'.repeat(256)));
  expect(await socket.answer('x'.repeat(256))).toHaveProperty('result');
  await socket.frame(who('x'.repeat(257)));
  await socket.ended();
  expect(code(await socket.at(2))).toBe('malformed');
});

test('calls that wait are kept whole, so one session has room for a few large ones', async () => {
  await using home = await temporaryHome();
  const gate = Promise.withResolvers<unknown>();
  await using _fake = fakeServer(home, { who: () => gate.promise });
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  for (let id = 1; id <= 9; id += 1) await socket.frame(who(id, { padding: 'x'.repeat(1_000_000) }));
  expect(code(await socket.answer(9))).toBe('busy');
  gate.resolve({ agents: [] });
  expect(await socket.answer(8)).toHaveProperty('result');
  await socket.frame(who(10));
  expect(await socket.answer(10)).toHaveProperty('result');
});

test('who sends thousands of frames at once does not keep the others waiting', async () => {
  await using home = await temporaryHome();
  let flooded = 0;
  const floodedBefore = Promise.withResolvers<number>();
  await using _fake = fakeServer(home, {
    who: async () => {
      flooded += 1;
      return { agents: [] };
    },
    'topic.list': async () => {
      floodedBefore.resolve(flooded);
      return { topics: [] };
    },
  });
  using flooder = await rawSocket(home.paths.socket);
  using other = await rawSocket(home.paths.socket);
  await flooder.frame(HELLO);
  await other.frame(HELLO);
  await Promise.all([flooder.answer('hello'), other.answer('hello')]);
  const frames = Array.from({ length: 5_000 }, (_, id) => `${JSON.stringify(who(id))}\n`).join('');
  const flooding = flooder.write(frames);
  await other.frame({ jsonrpc: '2.0', id: 1, method: 'topic.list' });
  expect(await other.answer(1)).toHaveProperty('result');
  expect(await floodedBefore.promise).toBeLessThan(500);
  await flooding;
  expect(await flooder.answer(4_999)).toHaveProperty('result');
  expect(flooded).toBe(5_000);
});

test('in a full house the one that has not said hello for longest gives its place to who comes', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, handlers, { maxConnections: 3 });
  using first = await rawSocket(home.paths.socket);
  await first.frame(HELLO);
  await first.answer('hello');
  using second = await rawSocket(home.paths.socket);
  using third = await rawSocket(home.paths.socket);
  await until(() => fake.server.connections === 3, 'a full house');
  await expectServed(home);
  expect(code(await second.at(0))).toBe('busy');
  await second.ended();
  await third.frame(HELLO);
  expect(await third.answer('hello')).toHaveProperty('result');
});

test('answers to nobody, cancels of nothing and strange credit are ignored', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame({ jsonrpc: '2.0', id: 99, result: 1 });
  await socket.frame({ jsonrpc: '2.0', method: 'rpc.cancel', params: { id: 98 } });
  await socket.frame({ jsonrpc: '2.0', method: 'rpc.credit', params: { id: 97, count: -1 } });
  await socket.frame({ jsonrpc: '2.0', method: 'rpc.next', params: null });
  await socket.frame({ jsonrpc: '2.0', method: 'unheard.of' });
  await socket.frame(who(1));
  expect(await socket.answer(1)).toHaveProperty('result');
});

test('one session more than allowed is told so, and a place that becomes free is given', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, handlers, { maxConnections: 2 });
  const first = await rawSocket(home.paths.socket);
  using second = await rawSocket(home.paths.socket);
  await first.frame(HELLO);
  await second.frame(HELLO);
  await second.answer('hello');
  using third = await rawSocket(home.paths.socket);
  expect(code(await third.at(0))).toBe('busy');
  await third.ended();
  first[Symbol.dispose]();
  await until(() => fake.server.connections === 1, 'a place to become free');
  await expectServed(home);
});

test('a caller that needs an agent or a person is refused without one', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  using socket = await rawSocket(home.paths.socket);
  const { credential: _credential, ...params } = HELLO.params;
  await socket.frame({ ...HELLO, params: { ...params, caller: { client: 'raw', kind: 'script', pid: 1 } } });
  await socket.frame({ jsonrpc: '2.0', id: 1, method: 'clear', params: {} });
  await socket.frame({ jsonrpc: '2.0', id: 2, method: 'release', params: {} });
  expect(code(await socket.answer(1))).toBe('not_registered');
  expect(code(await socket.answer(2))).toBe('not_allowed');
});

test('an error nobody expected is internal, logged, and not told in detail', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who: () => Promise.reject(new Error('the disk said xyzzy')) });
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame(who(1));
  const answer = await socket.answer(1);
  expect(code(answer)).toBe('internal');
  expect(JSON.stringify(answer)).not.toContain('xyzzy');
  expect(fake.logged.join()).toContain('error');
});

test('the socket is its owner’s alone from the moment it is there', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  expect(lstatSync(home.paths.socket).mode & 0o777).toBe(0o600);
});

test('what throws at whoever compares it is refused as wrong, in a hello and in a call', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, handlers);
  const length = { toString: {}, valueOf: {} };
  using stranger = await rawSocket(home.paths.socket);
  await stranger.frame({
    ...HELLO,
    params: { ...HELLO.params, credential: { name: 'bob', key: { length } } },
  });
  expect(code(await stranger.answer('hello'))).toBe('invalid');
  using socket = await rawSocket(home.paths.socket);
  await socket.frame(HELLO);
  await socket.frame({ jsonrpc: '2.0', id: 1, method: 'send', params: { to: { length }, body: 'x' } });
  expect(code(await socket.answer(1))).toBe('invalid');
});
