/** Limits of the system, under the compiled binary: open files, and paths that are long or strange. */
import { describe, expect, test } from 'bun:test';
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lineClient, type LineClient } from '../torture/line-client.ts';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';

const noLimits = process.platform !== 'linux' || Bun.which('prlimit') === null;
if (noLimits) process.stderr.write('open files: skipped, no prlimit here\n');

async function openFiles(pid: number): Promise<number> {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function secondsUsed(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Part of a processor that it uses in the next while. */
async function load(pid: number): Promise<number> {
  const [begun, before] = [performance.now(), await secondsUsed(pid)];
  await eventually(async () => performance.now() - begun > 1_000 || undefined);
  return ((await secondsUsed(pid)) - before) / ((performance.now() - begun) / 1_000);
}

/** Callers that stay; those that are turned away are left out. */
async function callers(machine: Machine, count: number): Promise<LineClient[]> {
  const key = (await readFile(join(machine.home, 'keys/bob'), 'utf8')).trim();
  const socket = join(machine.home, 'ipc.sock');
  const made = await Promise.allSettled(
    Array.from({ length: count }, () => lineClient(socket, { name: 'bob', key })),
  );
  return made.flatMap((each) => (each.status === 'fulfilled' && !each.value.closed ? [each.value] : []));
}

describe.skipIf(noLimits)('open files', () => {
  test('that are few make few sessions: the rest are told so, those who are in are served, and nothing spins', async () => {
    await using machine = await openMachine();
    const shell = { binary: '/bin/sh' };
    await machine.ok(['-c', `ulimit -n 96; "${BINARY}" send bob one --as bob`], shell);
    const pid = await machine.daemonPid();
    const inside = await callers(machine, 300);
    expect(inside.length).toBeGreaterThan(8);
    expect(inside.length).toBeLessThanOrEqual(32);
    expect(await openFiles(pid)).toBeLessThan(96);
    const refused = await machine.run(['check', '--as', 'bob']);
    expect(refused).toMatchObject({ code: 75, stdout: '' });
    expect(refused.stderr).toMatch(/sessions at once[^]*try: ipc /);
    expect(await load(pid)).toBeLessThan(0.3);
    const served = await Promise.all(inside.map((client) => client.ask('who', {})));
    expect(served.every((answer) => answer?.result !== undefined)).toBe(true);
    for (const client of inside) client[Symbol.dispose]();
    await eventually(async () => (await machine.run(['check', '--as', 'bob'])).code === 0 || undefined);
    expect(await machine.daemonPid()).toBe(pid);
  }, 60_000);

  test('that become few while it runs end the newest sessions; it does not spin and loses nothing', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'one', '--as', 'bob']);
    const pid = await machine.daemonPid();
    const inside = await callers(machine, 60);
    expect(inside).toHaveLength(60);
    expect(Bun.spawnSync(['prlimit', `--pid=${pid}`, '--nofile=50:']).exitCode).toBe(0);
    // They come while not one more can be let in.
    const outside = callers(machine, 40);
    await eventually(async () => ((await openFiles(pid)) < 50 ? true : undefined));
    expect(await load(pid)).toBeLessThan(0.3);
    const left = inside.filter(({ closed }) => !closed);
    expect(left.length).toBeGreaterThan(0);
    expect(
      (await left[0]?.ask('send', { to: ['bob'], id: Bun.randomUUIDv7(), body: 'two' }))?.result,
    ).toBeDefined();
    for (const client of [...inside, ...(await outside)]) client[Symbol.dispose]();
    const { messages } = await eventually(async () => {
      const checked = await machine.run(['check', '--as', 'bob', '--json']);
      return checked.code === 0
        ? (JSON.parse(checked.stdout) as { messages: { body: string }[] })
        : undefined;
    });
    expect(messages.map(({ body }) => body)).toEqual(['one', 'two']);
  }, 60_000);

  test('that are too few for a daemon are said to be that', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'one', '--as', 'bob']);
    await machine.ok(['daemon', 'stop']);
    for (const files of [5, 6, 7, 8, 9, 10, 12, 20]) {
      const refused = await machine.run(['-c', `ulimit -n ${files}; "${BINARY}" send bob two --as bob`], {
        binary: '/bin/sh',
      });
      expect(refused).toMatchObject({ code: 73, stdout: '' });
      expect(refused.stderr).toMatch(/open files[^]*try: ulimit -n/);
    }
    expect(await machine.ok(['check', '--as', 'bob'])).toContain('one');
  }, 60_000);
});

describe('a home', () => {
  test.each([
    ['with spaces', 'my own home'],
    ['with a quote and a dollar', `it's $HOME "here"`],
    ['with letters of other scripts', 'дом 家 🏠'],
    ['with a line break', 'two\nlines'],
    ['too long for a socket', 'x'.repeat(90)],
    ['far too long for a socket', `${'y'.repeat(200)}/${'z'.repeat(200)}`],
  ])(
    '%s is one home to every command, from wherever it is run',
    async (_name, folder) => {
      await using machine = await openMachine();
      const home = join(machine.directory, folder);
      const env = { IPC_HOME: home };
      await Promise.all(
        Array.from({ length: 5 }, (_, n) =>
          machine.ok(['send', 'bob', `number ${n}`, '--as', `n${n}`], { env, cwd: '/' }),
        ),
      );
      await machine.ok(['send', 'bob', 'a file', '--file', import.meta.path, '--as', 'n1'], { env });
      const relative = { env: { IPC_HOME: folder }, cwd: machine.directory };
      const { messages } = await machine.json<{ messages: unknown[] }>(
        ['check', '--as', 'bob', '--all'],
        relative,
      );
      expect(messages).toHaveLength(6);
      const { socket } = await machine.json<{ socket: string }>(['daemon', 'status'], {
        env,
      });
      expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(103);
      expect(lstatSync(socket).mode & 0o777).toBe(0o600);
      const { ok } = await machine.json<{ ok: boolean }>(['doctor'], { env });
      expect(ok).toBe(true);
      await machine.ok(['daemon', 'stop'], { env });
      if (!socket.startsWith(home)) rmSync(join(socket, '..'), { recursive: true });
    },
    60_000,
  );

  test('too long for a socket trusts the short folder beside it as little as itself', async () => {
    await using machine = await openMachine();
    const env = { IPC_HOME: join(machine.directory, 'x'.repeat(120)) };
    const { socket } = await machine
      .json<{ socket: string }>(['daemon', 'start'], { env })
      .then(() => machine.json<{ socket: string }>(['daemon', 'status'], { env }));
    const folder = join(socket, '..');
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
    await machine.ok(['daemon', 'stop'], { env });
    chmodSync(folder, 0o777);
    const refused = await machine.run(['send', 'bob', 'one', '--as', 'ann'], { env });
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain(`try: chmod 700 ${folder}`);
    rmSync(folder, { recursive: true });
    mkdirSync(join(machine.directory, 'elsewhere'));
    Bun.spawnSync(['ln', '-s', join(machine.directory, 'elsewhere'), folder]);
    expect((await machine.run(['send', 'bob', 'one', '--as', 'ann'], { env })).code).toBe(77);
    rmSync(folder);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann'], { env });
    await machine.ok(['daemon', 'stop'], { env });
    rmSync(folder, { recursive: true });
  }, 60_000);
});
