import { expect, test } from 'bun:test';
import { Failure } from '../../src/protocol/failures.ts';
import { operations } from '../../src/protocol/operations.ts';
import type { Client } from '../../src/rpc/client.ts';
import { PROTOCOL } from '../../src/protocol/wire.ts';
import { Peer } from '../../src/rpc/peer.ts';
import { dial } from '../../src/rpc/dial.ts';
import { listen } from '../../src/rpc/listen.ts';
import { version } from '../../src/system/version.ts';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { systemClock } from '../../src/system/clock.ts';
import { temporaryHome } from '../support/home.ts';
import { until } from '../support/until.ts';
import { rejection } from '../support/rejection.ts';

test('every operation of the table that is not done on the spot has a method of its name', async () => {
  await using home = await temporaryHome();
  const client = clientOf(home);
  const served = Object.entries(operations).filter(([, row]) => row.home !== 'local');
  expect(Object.keys(client.operations).sort()).toEqual(served.map(([name]) => name).sort());
});

test('the hello and the first call come in one piece', async () => {
  await using home = await temporaryHome();
  const first = Promise.withResolvers<string>();
  const listener = Bun.listen({
    unix: home.paths.socket,
    socket: { data: (_socket, chunk) => first.resolve(chunk.toString()) },
  });
  const client = clientOf(home);
  const asked = rejection(client.operations.who({}));
  const methods = (await first.promise)
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { method: string }).method);
  expect(methods).toEqual(['rpc.hello', 'who']);
  await client.close();
  await asked;
  listener.stop(true);
});

test('a failure arrives as it was thrown: code, words, hint and details', async () => {
  await using home = await temporaryHome();
  const thrown = new Failure('rate_limited', 'too many', {
    hint: 'ipc who',
    details: { retryAfterSeconds: 3 },
  });
  await using _fake = fakeServer(home, { who: () => Promise.reject(thrown) });
  const client = clientOf(home);
  const caught = await client.operations.who({}).catch((error: unknown) => error);
  expect(caught).toBeInstanceOf(Failure);
  expect((caught as Failure).body()).toEqual(thrown.body());
  await client.close();
});

test('a send whose connection breaks is sent again with the same id, which the client made', async () => {
  await using home = await temporaryHome();
  const ids: unknown[] = [];
  const first = fakeServer(home, {
    send: (input: { id: string }) => {
      ids.push(input.id);
      return new Promise(() => undefined);
    },
  });
  const client = clientOf(home);
  const sending = client.operations.send({ to: ['bob'], body: 'hi' });
  await until(() => ids.length === 1, 'the first send');
  await first.server.stop(0);
  await using _second = fakeServer(home, {
    send: async (input: { id: string }) => {
      ids.push(input.id);
      return { id: input.id };
    },
  });
  expect(await sending).toMatchObject({ id: ids[0] });
  expect(ids).toHaveLength(2);
  expect(ids[1]).toBe(ids[0]);
  await client.close();
});

test('a call whose repeat is not safe is not sent again but reported as unknown', async () => {
  await using home = await temporaryHome();
  let calls = 0;
  const backup = (): Promise<unknown> => {
    calls += 1;
    return new Promise(() => undefined);
  };
  const first = fakeServer(home, { 'store.backup': backup });
  const client = clientOf(home);
  const calling = client.operations['store.backup']({});
  await until(() => calls === 1, 'the call');
  await first.server.stop(0);
  await using _second = fakeServer(home, { 'store.backup': backup });
  expect(await rejection(calling)).toMatchObject({
    code: 'daemon_unavailable',
    message: expect.stringContaining('not known'),
  });
  expect(calls).toBe(1);
  await client.close();
});

test.each([
  ['store.backup', (client: Client) => client.operations['store.backup']({})],
  ['register', (client: Client) => client.operations.register({ key: 'n'.repeat(43) })],
] as const)('%s is not sent before the hello is answered, nor twice', async (method, ask) => {
  await using home = await temporaryHome();
  const received: string[] = [];
  let hangUps = 0;
  const listener = Bun.listen({
    unix: home.paths.socket,
    socket: {
      data: (socket, chunk) => {
        for (const line of chunk.toString().trimEnd().split('\n')) {
          const frame = JSON.parse(line) as { id: number; method: string };
          received.push(frame.method);
          const greets = frame.method === 'rpc.hello' && (hangUps += 1) > 2;
          const result = { version, protocol: PROTOCOL.max, pid: 1 };
          if (greets) socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: frame.id, result })}\n`);
          else socket.end();
        }
      },
    },
  });
  const client = clientOf(home, { credential: undefined });
  expect(await rejection(ask(client))).toMatchObject({
    code: 'daemon_unavailable',
    message: expect.stringContaining('not known'),
  });
  expect(received).toEqual(['rpc.hello', 'rpc.hello', 'rpc.hello', method]);
  await client.close();
  listener.stop(true);
});

test.each([undefined, 's'.repeat(32)])(
  'a daemon that does not answer is one failure, not a retry (secret: %p)',
  async (secret) => {
    await using home = await temporaryHome();
    let dialed = 0;
    const listener = Bun.listen({
      unix: home.paths.socket,
      socket: { open: () => void (dialed += 1), data: () => undefined },
    });
    const client = clientOf(home, { helloMs: 50, secret: () => secret });
    const failure = { code: 'daemon_unavailable', exit: 69, details: { silent: true } };
    expect(await rejection(client.operations.who({}))).toMatchObject(failure);
    expect(dialed).toBe(1);
    expect(await rejection(client.operations['store.backup']({}))).toMatchObject(failure);
    await client.close();
    listener.stop(true);
  },
);

test('a call that a stopping daemon did not begin is made at its successor, safe or not', async () => {
  await using home = await temporaryHome();
  let release = (): void => undefined;
  const slow = { who: () => new Promise((resolve) => (release = () => resolve({ agents: [] }))) };
  const first = fakeServer(home, slow);
  const client = clientOf(home);
  const waiting = client.operations.who({});
  await client.welcome();
  const stopping = first.server.stop(5_000);
  await using second = fakeServer(home, {
    'store.backup': async () => ({ path: 'there', bytes: 1, blobs: [] }),
  });
  const late = client.operations['store.backup']({});
  await until(() => second.openings.length === 1, 'the call to go to the successor');
  release();
  expect(await waiting).toEqual({ agents: [] });
  await stopping;
  expect(await late).toMatchObject({ path: 'there' });
  await client.close();
});

test('a name that is held is held again on a new connection before anything else is asked', async () => {
  await using home = await temporaryHome();
  const calls: string[] = [];
  const handlers = {
    register: async (input: { name: string }) => {
      calls.push(`register ${input.name}`);
      return { name: input.name };
    },
    who: async () => {
      calls.push('who');
      return { agents: [] };
    },
  };
  const first = fakeServer(home, handlers);
  const client = clientOf(home, { credential: undefined });
  await client.operations.register({ name: 'nessa', key: 'n'.repeat(43), hold: true });
  await first.server.stop(0);
  await using second = fakeServer(home, handlers);
  await client.operations.who({});
  expect(calls).toEqual(['register nessa', 'register nessa', 'who']);
  expect(second.openings[0]?.credential).toEqual({ name: 'nessa', key: 'n'.repeat(43) });
  await client.close();
});

test('a refused hello is what every call of it is told, and a key made for it is discarded', async () => {
  await using home = await temporaryHome();
  let discarded = 0;
  await using fake = fakeServer(
    home,
    {},
    {
      admit: () => {
        throw new Failure('credential_refused', 'the key of bob is another');
      },
    },
  );
  const client = clientOf(home, {
    credential: { name: 'bob', key: 'w'.repeat(43), discard: () => void (discarded += 1) },
  });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'credential_refused' });
  expect(discarded).toBe(1);
  expect(fake.logged.join()).not.toContain('w'.repeat(43));
  await client.close();
});

test('a call too large for a frame fails here, and the connection stays', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, { who: async () => ({ agents: [] }) });
  const client = clientOf(home);
  await client.operations.who({});
  const huge = { to: ['bob'], body: 'x', data: { blob: '\u0000'.repeat(400_000) } };
  expect(await rejection(client.operations.send(huge))).toMatchObject({ code: 'too_large' });
  expect(await client.operations.who({})).toEqual({ agents: [] });
  await client.close();
});

test('a thousand calls at once are each given their own answer', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, {
    search: async ({ query }: { query: string }) => {
      await Promise.resolve();
      return { messages: [query] };
    },
  });
  const client = clientOf(home);
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => client.operations.search({ query: `q${index}` })),
  );
  expect(answers.map((answer) => JSON.stringify(answer.messages))).toEqual(
    answers.map((_, index) => `["q${index}"]`),
  );
  await client.close();
});

test('both sides may call: the daemon asks a session and reads its stream', async () => {
  await using home = await temporaryHome();
  const daemonSide = Promise.withResolvers<Peer>();
  const listener = listen({
    path: home.paths.socket,
    maxConnections: 4,
    uid: home.environment.uid,
    after: systemClock().after,
    turn: systemClock().turn,
    accept: (connection) => {
      const peer = new Peer({
        connection,
        maxBytes: () => 1_000_000,
        serve: async ({ params }) => ({ value: { echoed: params } }),
        ended: () => undefined,
      });
      daemonSide.resolve(peer);
      return peer;
    },
  });
  let sessionSide: Peer | undefined;
  await dial(home.paths.socket, (connection) => {
    sessionSide = new Peer({
      connection,
      maxBytes: () => 1_000_000,
      serve: async ({ method }) =>
        method === 'count' ? { items: countTo(200) } : { value: `ran ${method}` },
      ended: () => undefined,
    });
    return sessionSide;
  });
  const answering = sessionSide?.call('echo', 7);
  const daemon = await daemonSide.promise;
  const [asked, answered] = await Promise.all([daemon.call('execute', {}), answering]);
  expect(asked).toBe('ran execute');
  expect(answered).toEqual({ echoed: 7 });
  const items: unknown[] = [];
  for await (const item of daemon.stream('count', {})) items.push(item);
  expect(items).toEqual(Array.from({ length: 200 }, (_, index) => index));
  listener.close();
});

async function* countTo(limit: number): AsyncGenerator<number> {
  for (let number = 0; number < limit; number += 1) yield number;
}

test('a client that was closed refuses further calls at once', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, { who: async () => ({ agents: [] }) });
  const client = clientOf(home);
  await client.operations.who({});
  await client.close();
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'interrupted' });
});
