import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { Client, type ClientParts } from '../../src/rpc/client.ts';
import { reach } from '../../src/rpc/ensure.ts';
import { listen } from '../../src/rpc/listen.ts';
import { systemClock } from '../../src/system/clock.ts';
import { version } from '../../src/system/version.ts';
import { fakeServer, type FakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { ipcCommand } from '../support/processes.ts';
import { rawSocket } from '../support/raw-socket.ts';
import { until } from '../support/until.ts';
import { rejection } from '../support/rejection.ts';

function client(home: TestHome, parts: Partial<ClientParts> = {}): Client {
  const { paths, environment } = home;
  return new Client({
    connect: (receive) => reach({ paths, environment, start: 'absent', command: ipcCommand }, receive),
    caller: { client: 'test', kind: 'human', pid: environment.pid },
    credential: { name: 'bob', key: 'k'.repeat(43) },
    ...parts,
  });
}

/** A daemon of an older version, that ends when it is asked to. */
function olderDaemon(home: TestHome): { daemon: FakeServer; sent: number; stopped: () => boolean } {
  const state = { sent: 0, stopping: false };
  const daemon: FakeServer = fakeServer(
    home,
    {
      send: async () => (state.sent += 1),
      'daemon.stop': async () => {
        state.stopping = true;
        void daemon.server.stop(250);
        return { pid: 1 };
      },
    },
    { version: '0.0.1' },
  );
  return {
    daemon,
    get sent() {
      return state.sent;
    },
    stopped: () => state.stopping,
  };
}

test('an older daemon is asked to finish and replaced, and the call that found it is answered by the new one', async () => {
  await using home = await temporaryHome();
  const older = olderDaemon(home);
  const session = client(home);
  const [first, second] = await Promise.all([
    session.operations.send({ to: ['ada'], body: 'one' }),
    session.operations.send({ to: ['ada'], body: 'two' }),
  ]);
  expect(first.deliveries[0]).toMatchObject({ to: 'ada', state: 'queued' });
  expect(second.deliveries[0]).toMatchObject({ to: 'ada', state: 'queued' });
  expect(older.stopped()).toBe(true);
  expect(older.sent).toBe(0);
  expect(older.daemon.openings.every((opening) => opening.credential === undefined)).toBe(true);
  expect(await session.operations['daemon.status']({})).toMatchObject({ version });
  await session.close();
});

test('even a call whose repeat is not safe is handed over, since the older daemon did not begin it', async () => {
  await using home = await temporaryHome();
  olderDaemon(home);
  const session = client(home);
  const { path } = await session.operations['store.backup']({});
  expect(existsSync(path)).toBe(true);
  await session.close();
});

test('an older daemon still tells a newer client its status', async () => {
  await using home = await temporaryHome();
  await using _older = fakeServer(
    home,
    { 'daemon.status': async () => ({ version: '0.0.1' }) },
    { version: '0.0.1' },
  );
  const session = client(home);
  expect(await session.operations['daemon.status']({})).toMatchObject({ version: '0.0.1' });
  await session.close();
});

test('a newer daemon that speaks our protocol is obeyed', async () => {
  await using home = await temporaryHome();
  await using _newer = fakeServer(home, { who: async () => ({ agents: [] }) }, { version: '99.0.0' });
  const session = client(home);
  expect(await session.operations.who({})).toEqual({ agents: [] });
  expect(await session.welcome()).toMatchObject({ version: '99.0.0' });
  await session.close();
});

test('a newer daemon that no longer speaks our protocol is not fought', async () => {
  await using home = await temporaryHome();
  await using newer = fakeServer(home, { who: async () => ({ agents: [] }) });
  using socket = await rawSocket(home.paths.socket);
  await socket.frame({
    jsonrpc: '2.0',
    id: 1,
    method: 'rpc.hello',
    params: { protocol: { min: 0, max: 0 }, version: '0.0.0' },
  });
  expect(await socket.answer(1)).toMatchObject({
    error: { data: { code: 'daemon_newer', details: { version, protocolMin: 1, protocolMax: 1 } } },
  });
  await socket.ended();
  expect(newer.openings).toEqual([]);
});

test.each([
  ['answers in another language', (): string => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  [
    'answers a hello with something else',
    (line: string): string =>
      `${JSON.stringify({ jsonrpc: '2.0', id: (JSON.parse(line) as { id: number }).id, result: 'hi' })}\n`,
  ],
])('what listens there and %s is called foreign, and left alone', async (_name, answer) => {
  await using home = await temporaryHome();
  const stranger = Bun.listen({
    unix: home.paths.socket,
    socket: {
      data: (socket, chunk) => void socket.write(answer(chunk.toString().split('\n')[0] ?? '')),
    },
  });
  const session = client(home);
  expect(await rejection(session.operations.who({}))).toMatchObject({ code: 'daemon_foreign', exit: 69 });
  expect(existsSync(home.paths.socket)).toBe(true);
  expect(existsSync(home.paths.daemonLock)).toBe(false);
  await session.close();
  stranger.stop(true);
});

test('what listens there and hangs up each time is called foreign in the end', async () => {
  await using home = await temporaryHome();
  const stranger = Bun.listen({ unix: home.paths.socket, socket: { data: (socket) => void socket.end() } });
  const session = client(home);
  expect(await rejection(session.operations.who({}))).toMatchObject({ code: 'daemon_foreign' });
  await session.close();
  stranger.stop(true);
});

test('the late stop of an old daemon leaves the socket of the new one alone', async () => {
  await using home = await temporaryHome();
  const parts = {
    path: home.paths.socket,
    maxConnections: 4,
    uid: home.environment.uid,
    after: systemClock().after,
    turn: systemClock().turn,
    accept: () => ({ data: () => undefined, closed: () => undefined }),
  };
  const old = listen(parts);
  const current = listen(parts);
  expect(old.intact()).toBe(false);
  old.close();
  expect(current.intact()).toBe(true);
  using socket = await rawSocket(home.paths.socket);
  await until(() => current.connections === 1, 'the connection to reach the new one');
  expect(socket.closed).toBe(false);
  current.close();
  expect(existsSync(home.paths.socket)).toBe(false);
});
