import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { Client } from '../../src/rpc/client.ts';
import { reach } from '../../src/rpc/ensure.ts';
import { clientProcess } from '../support/client-process.ts';
import { isAlive, temporaryHome, type TestHome } from '../support/home.ts';
import { ipcCommand, runIpc, startDaemon } from '../support/processes.ts';
import { rawSocket, type RawSocket } from '../support/raw-socket.ts';
import { until } from '../support/until.ts';
import { rejection } from '../support/rejection.ts';

function client(home: TestHome, start: 'absent' | 'existing' = 'absent'): Client {
  const { paths, environment } = home;
  return new Client({
    connect: (receive) => reach({ paths, environment, start, command: ipcCommand }, receive),
    caller: { client: 'test', kind: 'human', pid: environment.pid },
  });
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('clients that race on an empty home all reach one daemon', async () => {
  await using home = await temporaryHome();
  const pids = await Promise.all(Array.from({ length: 8 }, () => clientProcess(home)));
  expect(new Set(pids).size).toBe(1);
});

test('of daemons started at once one is ready, the others say that one is', async () => {
  await using home = await temporaryHome();
  const daemons = await Promise.all(Array.from({ length: 4 }, () => startDaemon(home)));
  const ready = daemons.filter((daemon) => daemon.report['ready'] === true);
  expect(ready).toHaveLength(1);
  for (const daemon of daemons) {
    if (daemon !== ready[0]) {
      expect(daemon.report).toMatchObject({ failure: { code: 'busy' } });
      expect(await daemon.exited).toBe(75);
    }
  }
  for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
});

test('the flags of every verb do not keep a daemon from running', async () => {
  await using home = await temporaryHome();
  await using _daemon = await startDaemon(home);
  for (const argv of [
    ['daemon', 'run', '--json', '-q'],
    ['--as', 'bob', 'daemon', 'run', '--no-color'],
  ]) {
    const ran = await runIpc(home, argv);
    expect(JSON.parse(ran.stdout)).toMatchObject({ failure: { code: 'busy' } });
    expect(ran).toMatchObject({ code: 75, stderr: '' });
  }
});

test('a daemon whose report nobody reads says on stderr why it could not start', async () => {
  await using home = await temporaryHome();
  await using _daemon = await startDaemon(home);
  const child = Bun.spawn([...ipcCommand, 'daemon', 'run'], {
    env: { ...home.variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  await child.stdout.cancel();
  expect(await child.stderr.text()).toContain('another one has it');
  expect(await child.exited).toBe(75);
});

test('the socket of a daemon that was killed is stale, and the next client starts another', async () => {
  await using home = await temporaryHome();
  const first = await startDaemon(home);
  first.signal('SIGKILL');
  await first.exited;
  expect(existsSync(home.paths.socket)).toBe(true);
  const second = await clientProcess(home);
  expect(second).not.toBe(first.pid);
  expect(isAlive(second)).toBe(true);
});

test('without a daemon, a client that may not start one says how', async () => {
  await using home = await temporaryHome();
  expect(await rejection(client(home, 'existing').operations.who({}))).toMatchObject({
    code: 'daemon_unavailable',
    exit: 69,
    hint: 'ipc daemon start',
  });
  expect(existsSync(home.paths.daemonLock)).toBe(false);
});

test('the daemon survives its starter and inherits neither its secrets nor its name', async () => {
  await using home = await temporaryHome();
  const pid = await clientProcess(home, {
    IPC_AGENT: 'fred',
    GITHUB_TOKEN: 'ghp_123',
    CLAUDE_CODE_SESSION_ID: 's-1',
    IPC_LOG_FILES: '7',
  });
  expect(isAlive(pid)).toBe(true);
  if (process.platform !== 'linux') return;
  const inherited = readFileSync(`/proc/${pid}/environ`, 'utf8');
  for (const secret of ['fred', 'ghp_123', 's-1']) expect(inherited).not.toContain(secret);
  expect(inherited).toContain('IPC_LOG_FILES=7');
});

test('why a daemon could not start is told to the client that started it', async () => {
  await using home = await temporaryHome();
  await writeFile(home.paths.config, '{"idleExitt": 3}');
  expect(await rejection(client(home).operations.who({}))).toMatchObject({
    code: 'invalid_data',
    message: expect.stringContaining('idleExit'),
  });
});

test('a daemon refuses a home that others may write to', async () => {
  await using home = await temporaryHome();
  await chmod(home.path, 0o777);
  const ran = await runIpc(home, ['daemon', 'run']);
  expect(ran.code).toBe(77);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    failure: { code: 'home_unsafe', hint: `chmod 700 ${home.path}` },
  });
  await chmod(home.path, 0o700);
});

test('a daemon that is asked to stop ends well within a second, gives the socket back and exits 0', async () => {
  await using home = await temporaryHome();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await using daemon = await startDaemon(home);
    const waiting = client(home, 'existing');
    await waiting.welcome();
    const from = performance.now();
    daemon.signal(signal);
    expect(await daemon.exited).toBe(0);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(existsSync(home.paths.socket)).toBe(false);
    await waiting.close();
  }
});

test('daemon.stop answers before the daemon is gone', async () => {
  await using home = await temporaryHome();
  await using daemon = await startDaemon(home);
  const asking = client(home, 'existing');
  expect(await asking.operations['daemon.stop']({ reason: 'test' })).toEqual({ pid: daemon.pid });
  expect(await daemon.exited).toBe(0);
  await asking.close();
});

test('a successor started while the daemon is finishing waits for the home and gets it', async () => {
  await using home = await temporaryHome();
  await using first = await startDaemon(home);
  first.signal('SIGTERM');
  await using second = await startDaemon(home);
  // Which of the two the second met, a finishing one or a free home, it is ready when the first is gone.
  if (second.report['ready'] === true) expect(await first.exited).toBe(0);
  else expect(second.report).toMatchObject({ failure: { code: 'busy' } });
});

test('a daemon with nothing to do ends by itself, one with a session stays', async () => {
  await using home = await temporaryHome({ IPC_IDLE_EXIT: '1' });
  await using daemon = await startDaemon(home);
  const session = client(home, 'existing');
  await session.welcome();
  const later = performance.now() + 2_500;
  while (performance.now() < later) await session.operations.who({});
  expect(isAlive(daemon.pid)).toBe(true);
  await session.close();
  expect(await daemon.exited).toBe(0);
});

test('a folder in the place of the socket is waited out, and said once', async () => {
  await using home = await temporaryHome();
  await using _daemon = await startDaemon(home);
  await rm(home.paths.socket);
  await mkdir(home.paths.socket);
  const complaints = (): number =>
    readFileSync(home.paths.log, 'utf8').split('replace the socket').length - 1;
  await until(() => complaints() > 0, 'the complaint');
  await rmdir(home.paths.socket);
  await until(() => existsSync(home.paths.socket), 'the socket to come back');
  expect(complaints()).toBe(1);
  const asking = client(home, 'existing');
  expect(await asking.operations.who({})).toMatchObject({ agents: [] });
  await asking.close();
});

test('a socket that was taken away is put back', async () => {
  await using home = await temporaryHome();
  await using daemon = await startDaemon(home);
  await rm(home.paths.socket);
  await until(() => existsSync(home.paths.socket), 'the socket to come back');
  const session = client(home, 'existing');
  expect(await session.operations['daemon.status']({})).toMatchObject({ pid: daemon.pid });
  await session.close();
});

test('a daemon whose store was deleted acknowledges nothing more and ends', async () => {
  await using home = await temporaryHome();
  await using daemon = await startDaemon(home);
  const session = new Client({
    connect: (receive) =>
      reach({ paths: home.paths, environment: home.environment, start: 'existing' }, receive),
    caller: { client: 'test', kind: 'human', pid: 1 },
    credential: { name: 'bob', key: 'k'.repeat(43) },
  });
  await session.operations.send({ to: ['ada'], body: 'kept' });
  await rm(home.paths.database);
  expect(await rejection(session.operations.send({ to: ['ada'], body: 'lost' }))).toMatchObject({
    code: 'store_damaged',
  });
  expect(await daemon.exited).toBe(1);
  expect(readFileSync(home.paths.log, 'utf8')).toContain('was deleted while in use');
  await session.close();
});

test.skipIf(process.platform !== 'linux')(
  'at the limit of open files a daemon refuses politely and serves on',
  async () => {
    await using home = await temporaryHome();
    const child = Bun.spawn(['sh', '-c', `ulimit -n 96; exec "$@"`, 'sh', ...ipcCommand, 'daemon', 'run'], {
      env: { ...home.variables },
      stdout: 'pipe',
    });
    await until(() => existsSync(home.paths.socket), 'the daemon');
    const session = client(home, 'existing');
    await session.welcome();
    const crowd: RawSocket[] = [];
    for (let number = 0; number < 120; number += 1) {
      // The last ones are hung up on, perhaps before they are quite there.
      await rawSocket(home.paths.socket).then(
        (socket) => crowd.push(socket),
        () => undefined,
      );
    }
    const refused = (): RawSocket | undefined => crowd.find((socket) => socket.lines.length > 0);
    await until(() => refused() !== undefined, 'a refusal');
    expect(await refused()?.at(0)).toMatchObject({ error: { data: { code: 'busy' } } });
    const before = cpuTicks(child.pid);
    const later = performance.now() + 500;
    await until(() => performance.now() > later, 'half a second to pass');
    // A tick is 10 ms: a loop that spins takes all 50 of them.
    expect(cpuTicks(child.pid) - before).toBeLessThan(15);
    expect(await session.operations['daemon.status']({})).toMatchObject({ pid: child.pid });
    for (const socket of crowd) socket[Symbol.dispose]();
    await session.close();
    child.kill();
    await child.exited;
  },
);

/** Starts a daemon by this shell command; `$@` is the usual one. */
function startingBy(home: TestHome, script: string): Client {
  const { paths, environment } = home;
  const command = ['sh', '-c', script, 'sh', ...ipcCommand];
  return new Client({
    connect: (receive) => reach({ paths, environment, start: 'absent', command }, receive),
    caller: { client: 'test', kind: 'human', pid: environment.pid },
  });
}

test('a daemon that is killed as it starts is started again', async () => {
  await using home = await temporaryHome();
  const asking = startingBy(
    home,
    `[ -f ${home.path}/twice ] && exec "$@"
    [ -f ${home.path}/once ] && : > ${home.path}/twice
    : > ${home.path}/once; kill -9 $$`,
  );
  expect(await asking.operations.who({})).toEqual({ agents: [] });
  expect(existsSync(`${home.path}/twice`)).toBe(true);
  await asking.close();
});

test('where every daemon is killed as it starts, the client says so and gives up', async () => {
  await using home = await temporaryHome();
  const asking = startingBy(home, 'kill -9 $$');
  expect(await rejection(asking.operations.who({}))).toMatchObject({
    code: 'daemon_unavailable',
    message: expect.stringContaining('killed as it started'),
  });
  await asking.close();
});
