/**
 * One daemon a home, whatever is taken away while it runs (design §4): the lock's file, the socket, both; and
 * the handle of the lock is not left to the garbage collector (design §3.2).
 */
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openMcp } from './mcp-client.ts';
import { eventually, openMachine, type Machine } from './machine.ts';
import { daemonsOf } from '../support/daemons.ts';
import { isAlive } from '../support/home.ts';

const linux = process.platform === 'linux';

async function bodies(machine: Machine, name: string): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const { messages } = await machine.json<{ messages: { body: string }[] }>([
      ...['check', '--as', name, '--all', '--limit', '500'],
    ]);
    if (messages.length === 0) return all;
    all.push(...messages.map(({ body }) => body));
  }
}

/** Whether the kernel knows of an exclusive lock of this process on this file. */
function isLockedBy(pid: number, path: string): boolean {
  const { ino } = statSync(path);
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => {
      const [, sort, , mode, holder, place] = line.trim().split(/\s+/);
      return sort === 'POSIX' && mode === 'WRITE' && holder === String(pid) && place?.endsWith(`:${ino}`);
    });
}

function openFilesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

/** Collects garbage as often as the engine can. */
const GREEDY = { BUN_JSC_collectContinuously: '1', BUN_JSC_slowPathAllocsBetweenGCs: '50' };

test.skipIf(!linux)(
  'the collector of garbage does not take the lock from the daemon, and fifty clients that race find that one',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['who']);
    await machine.ok(['daemon', 'stop']);
    const daemon = machine.start(['daemon', 'run'], { env: GREEDY });
    const lock = join(machine.home, 'daemon.lock');
    await eventually(async () => ((await machine.run(['daemon', 'status'])).code === 0 ? true : undefined));
    const racing = await Promise.all(
      Array.from({ length: 50 }, (_, n) => machine.run(['send', 'bob', `number ${n}`])),
    );
    expect(racing.map(({ code }) => code)).toEqual(Array.from({ length: 50 }, () => 0));
    expect(isLockedBy(daemon.pid, lock)).toBe(true);
    expect(openFilesOf(daemon.pid)).toContain(lock);
    expect(daemonsOf(machine.home)).toEqual([daemon.pid]);
    expect(await machine.daemonPid()).toBe(daemon.pid);
    expect(await machine.run(['daemon', 'run'])).toMatchObject({ code: 75 });
    expect(await bodies(machine, 'bob')).toHaveLength(50);
  },
  60_000,
);

test.skipIf(!linux)(
  'a handle nobody keeps is collected with the same settings, and its lock is gone',
  async () => {
    await using machine = await openMachine();
    const path = join(machine.directory, 'a.lock');
    // What the test above would see, were the daemon's lock not kept.
    const script = `
    const { Database } = require('bun:sqlite');
    (() => { const lost = new Database(${JSON.stringify(path)}); lost.run('BEGIN EXCLUSIVE'); })();
    console.log('locked');
    setInterval(() => { globalThis.filler = Array.from({ length: 10_000 }, (_, n) => ({ n })); Bun.gc(true); }, 1);
  `;
    const holder = Bun.spawn([process.execPath, '-e', script], {
      env: { PATH: process.env['PATH'] ?? '', ...GREEDY },
      stdout: 'pipe',
    });
    for await (const _line of holder.stdout) break;
    await eventually(async () => (isLockedBy(holder.pid, path) ? undefined : true));
    holder.kill('SIGKILL');
    await holder.exited;
  },
);

test.skipIf(!linux)('a lock file that is deleted while the daemon runs brings no second daemon', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const pid = await machine.daemonPid();
  const lock = join(machine.home, 'daemon.lock');
  await rm(lock);
  // By hand, before the daemon has noticed: it may not have the home, and its try must not end the other.
  expect(await machine.run(['daemon', 'run'])).toMatchObject({ code: 75 });
  await machine.ok(['send', 'bob', 'after']);
  await eventually(async () => (isLockedBy(pid, lock) ? true : undefined));
  expect(await machine.run(['daemon', 'run'])).toMatchObject({ code: 75 });
  expect(daemonsOf(machine.home)).toEqual([pid]);
  expect(await bodies(machine, 'bob')).toEqual(['before', 'after']);
});

test.skipIf(!linux)(
  'lock and socket deleted at once, under load, again and again: never two that write, nothing lost, nothing twice',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'first']);
    const sent = ['first'];
    let done = false;
    const sender = async (name: string): Promise<void> => {
      for (let n = 0; !done; n += 1) {
        await machine.ok(['send', 'bob', `${name} ${n}`]);
        sent.push(`${name} ${n}`);
      }
    };
    const senders = ['a', 'b', 'c'].map(sender);
    for (let round = 0; round < 8; round += 1) {
      const target = sent.length + 6;
      await eventually(async () => (sent.length > target ? true : undefined));
      await Promise.all(
        ['daemon.lock', 'ipc.sock'].map((name) => rm(join(machine.home, name), { force: true })),
      );
    }
    const target = sent.length + 6;
    await eventually(async () => (sent.length > target ? true : undefined));
    done = true;
    await Promise.all(senders);
    const found = await bodies(machine, 'bob');
    expect(found.toSorted()).toEqual(sent.toSorted());
    for (const name of ['a', 'b', 'c']) {
      const order = found.filter((body) => body.startsWith(`${name} `)).map((body) => Number(body.slice(2)));
      expect(order).toEqual(order.map((_, n) => n));
    }
    await eventually(async () => (daemonsOf(machine.home).length === 1 ? true : undefined));
    expect(await machine.json(['doctor'])).toMatchObject({ ok: true });
  },
  60_000,
);

test.skipIf(!linux)(
  'an old daemon that lost the home and stops late leaves the new one its socket',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before']);
    const old = await machine.daemonPid();
    // It sleeps through its own replacement.
    process.kill(old, 'SIGSTOP');
    await Promise.all(['daemon.lock', 'ipc.sock'].map((name) => rm(join(machine.home, name))));
    await machine.ok(['send', 'bob', 'after']);
    const current = await machine.daemonPid();
    expect(current).not.toBe(old);
    const socket = statSync(join(machine.home, 'ipc.sock')).ino;
    process.kill(old, 'SIGTERM');
    process.kill(old, 'SIGCONT');
    await eventually(async () => (isAlive(old) ? undefined : true));
    expect(statSync(join(machine.home, 'ipc.sock')).ino).toBe(socket);
    expect(await machine.daemonPid()).toBe(current);
    expect(await bodies(machine, 'bob')).toEqual(['before', 'after']);
  },
);

test.skipIf(!linux)(
  'an old daemon that lost the home and is asked to store refuses, and the caller goes to the new one',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before']);
    const old = await machine.daemonPid();
    await using ann = await openMcp(machine, { as: 'ann' });
    await ann.text('who');
    process.kill(old, 'SIGSTOP');
    await Promise.all(['daemon.lock', 'ipc.sock'].map((name) => rm(join(machine.home, name))));
    await machine.ok(['send', 'bob', 'to the new one']);
    const sending = ann.text('send', { to: ['bob'], text: 'through the old one' });
    process.kill(old, 'SIGCONT');
    await sending;
    expect(await bodies(machine, 'bob')).toEqual(['before', 'to the new one', 'through the old one']);
    await eventually(async () => (isAlive(old) ? undefined : true));
    expect(await readFile(join(machine.home, 'daemon.log'), 'utf8')).toContain('another daemon has the home');
  },
);

test.skipIf(!linux)(
  'a daemon that slept through two replacements does not take the home back with what it remembers',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'one']);
    const [old, names] = [await machine.daemonPid(), ['daemon.lock', 'ipc.sock']];
    const takeAway = () => Promise.all(names.map((name) => rm(join(machine.home, name))));
    await using ann = await openMcp(machine, { as: 'ann' });
    await ann.text('who');
    process.kill(old, 'SIGSTOP');
    await takeAway();
    await machine.ok(['send', 'bob', 'two']);
    const second = await machine.daemonPid();
    // The lock's file is gone again: to the old one it looks as if it could have the home as before.
    await takeAway();
    const sending = ann.text('send', { to: 'bob', text: 'three' });
    process.kill(old, 'SIGCONT');
    await sending;
    expect(await bodies(machine, 'bob')).toEqual(['one', 'two', 'three']);
    await eventually(async () => (isAlive(old) ? undefined : true));
    await machine.ok(['send', 'bob', 'four']);
    expect(await bodies(machine, 'bob')).toEqual(['four']);
    await eventually(async () => (daemonsOf(machine.home).length === 1 ? true : undefined));
    expect(second).not.toBe(old);
    expect(await machine.json(['doctor'])).toMatchObject({ ok: true });
  },
);

test('a socket that is deleted under load comes back, and no command fails', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'first']);
  const pid = await machine.daemonPid();
  for (let n = 0; n < 3; n += 1) {
    await rm(join(machine.home, 'ipc.sock'), { force: true });
    const sent = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => machine.run(['send', 'bob', `${name} ${n}`])),
    );
    expect(sent.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(['0 ', '0 ', '0 ', '0 ']);
  }
  expect(await machine.daemonPid()).toBe(pid);
  expect(await bodies(machine, 'bob')).toHaveLength(13);
});

test("a program that listens in the daemon's place is called foreign, and is not pushed out", async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  await machine.ok(['daemon', 'stop']);
  const socket = join(machine.home, 'ipc.sock');
  const stranger = Bun.listen({
    unix: socket,
    socket: { data: (to) => void to.write('220 mail ready\r\n') },
  });
  const refused = await Promise.all([
    machine.run(['send', 'bob', 'during', '--json']),
    machine.run(['check', '--as', 'bob', '--json']),
    machine.run(['daemon', 'status', '--json']),
  ]);
  expect(refused.map(({ code }) => code)).toEqual([69, 69, 69]);
  for (const { stdout } of refused)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'daemon_foreign' } });
  expect(await machine.run(['daemon', 'run'])).toMatchObject({ code: 75 });
  stranger.stop(true);
  expect(await bodies(machine, 'bob')).toEqual(['before']);
});
