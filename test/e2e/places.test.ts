/** What lies in the way at the home, at the socket and among the daemon's files (design §4): said, not overwritten. */
import { expect, test } from 'bun:test';
import { chmod, chown, lstat, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';
import { isAlive } from '../support/home.ts';

const root = process.getuid?.() === 0;
if (!root) process.stderr.write('places of another user: skipped, only root can make them\n');
/** `nobody`, on the systems there are. */
const STRANGER = 65_534;

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

/** Sends, and is refused with this code; what it is told to run. */
async function hintOf(machine: Machine, code: string): Promise<string> {
  const { stdout, ...ran } = await machine.run(['send', 'bob', 'again', '--json']);
  expect(ran.code).toBe(77);
  const { error } = JSON.parse(stdout) as Refusal;
  expect(error.code).toBe(code);
  return error.hint;
}

function shell(machine: Machine, command: string): void {
  const done = Bun.spawnSync(['sh', '-c', command], { env: { ...machine.environment }, stderr: 'pipe' });
  if (!done.success) throw new Error(`${command}: ${done.stderr.toString()}`);
}

async function bodies(machine: Machine, name: string): Promise<string[]> {
  const { messages } = await machine.json<{ messages: { body: string }[] }>(['check', '--as', name]);
  return messages.map(({ body }) => body);
}

type Obstacle = (machine: Machine, path: string) => Promise<void>;

const obstacles: readonly (readonly [string, Obstacle])[] = [
  ['a file', (_machine, path) => writeFile(path, 'precious')],
  ['a folder', (_machine, path) => mkdir(path).then(() => writeFile(join(path, 'file'), 'precious'))],
  ['a pipe', async (_machine, path) => void Bun.spawnSync(['mkfifo', path])],
  ['a link to nowhere', (machine, path) => symlink(join(machine.directory, 'nowhere'), path)],
  [
    'a link to a file',
    async (machine, path) => {
      await writeFile(join(machine.directory, 'file'), 'precious');
      await symlink(join(machine.directory, 'file'), path);
    },
  ],
];

test.each(obstacles)('%s in the place of the socket is said, and left as it is', async (_name, lay) => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  await machine.ok(['daemon', 'stop']);
  const socket = join(machine.home, 'ipc.sock');
  await lay(machine, socket);
  const there = await lstat(socket);
  const hint = await hintOf(machine, 'home_unsafe');
  expect(await machine.run(['daemon', 'run'])).toMatchObject({ code: 77 });
  expect((await lstat(socket)).ino).toBe(there.ino);
  const file = await readFile(join(machine.directory, 'file'), 'utf8').catch(() => 'precious');
  expect(file).toBe('precious');
  expect(await lstat(join(machine.directory, 'nowhere')).catch(() => undefined)).toBeUndefined();
  shell(machine, hint);
  expect((await lstat(`${socket}.aside`)).ino).toBe(there.ino);
  await machine.ok(['send', 'bob', 'after']);
  expect(await bodies(machine, 'bob')).toEqual(['before', 'after']);
});

test('a link in the place of the socket is not followed: nobody else is shown a key', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  await machine.ok(['daemon', 'stop']);
  const heard: string[] = [];
  const elsewhere = join(machine.directory, 'other.sock');
  const stranger = Bun.listen({
    unix: elsewhere,
    socket: { data: (_socket, chunk) => void heard.push(chunk.toString()) },
  });
  await symlink(elsewhere, join(machine.home, 'ipc.sock'));
  await hintOf(machine, 'home_unsafe');
  stranger.stop(true);
  expect(heard).toEqual([]);
});

test('while the daemon runs, a file in the place of its socket is not overwritten either', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const pid = await machine.daemonPid();
  const socket = join(machine.home, 'ipc.sock');
  await rm(socket);
  await writeFile(socket, 'precious');
  const hint = await hintOf(machine, 'home_unsafe');
  await eventually(async () => {
    const log = await readFile(join(machine.home, 'daemon.log'), 'utf8');
    return log.includes('found a file') || undefined;
  });
  expect(await readFile(socket, 'utf8')).toBe('precious');
  shell(machine, hint);
  // The daemon puts its socket back; a command that comes before that is told that one has the home.
  await eventually(async () => ((await machine.run(['who'])).code === 0 ? true : undefined));
  expect(await machine.daemonPid()).toBe(pid);
  expect(await bodies(machine, 'bob')).toEqual(['before']);
});

const daemonFiles = ['daemon.log', 'daemon.lock', 'start.lock', 'ipc.db'];

test.each(daemonFiles)(
  'a link or a pipe in the place of %s is refused, and nothing written through it',
  async (name) => {
    await using machine = await openMachine();
    await mkdir(machine.home, { mode: 0o700 });
    const path = join(machine.home, name);
    const target = join(machine.directory, 'file');
    await writeFile(target, 'precious', { mode: 0o644 });
    await symlink(target, path);
    await hintOf(machine, 'home_unsafe');
    expect(await readFile(target, 'utf8')).toBe('precious');
    expect((await lstat(target)).mode & 0o777).toBe(0o644);
    await rm(path);
    Bun.spawnSync(['mkfifo', path]);
    const hint = await hintOf(machine, 'home_unsafe');
    shell(machine, hint);
    await machine.ok(['send', 'bob', 'at last']);
  },
);

test('keys that are a link to another folder are refused', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  await machine.ok(['daemon', 'stop']);
  const [keys, elsewhere] = [join(machine.home, 'keys'), join(machine.directory, 'keys')];
  await rename(keys, elsewhere);
  await symlink(elsewhere, keys);
  await hintOf(machine, 'home_unsafe');
  await rm(keys);
  await rename(elsewhere, keys);
  await machine.ok(['send', 'bob', 'after']);
  expect(await bodies(machine, 'bob')).toEqual(['before', 'after']);
});

test('a lock file that holds something else is said, with what moves it aside', async () => {
  await using machine = await openMachine();
  await mkdir(machine.home, { mode: 0o700 });
  await writeFile(join(machine.home, 'daemon.lock'), 'not a lock at all, but somebody wants it'.repeat(40));
  const { stdout, code } = await machine.run(['send', 'bob', 'x', '--json']);
  const { error } = JSON.parse(stdout) as Refusal;
  expect(code).toBe(73);
  expect(error).toMatchObject({ code: 'cannot_create' });
  shell(machine, error.hint);
  await machine.ok(['send', 'bob', 'at last']);
});

const homes: readonly (readonly [string, Obstacle])[] = [
  ...obstacles.filter(([name]) => name !== 'a folder'),
  ['a link to a folder', (machine, path) => symlink(machine.directory, path)],
  ['a folder that others may write to', (_machine, path) => mkdir(path).then(() => chmod(path, 0o770))],
];

test.each(homes)('%s in the place of the home is refused by every door', async (_name, lay) => {
  await using machine = await openMachine();
  await lay(machine, machine.home);
  const there = await lstat(machine.home);
  const commands = [['send', 'bob', 'x'], ['check'], ['watch'], ['daemon', 'start'], ['daemon', 'run']];
  const ran = await Promise.all(commands.map((command) => machine.run(command)));
  expect(ran.map(({ code }) => code)).toEqual(commands.map(() => 77));
  for (const { stderr, stdout } of ran) expect(stderr + stdout).toContain('wanted a folder of our own');
  expect((await lstat(machine.home)).ino).toBe(there.ino);
  expect(
    Bun.spawnSync(['find', machine.directory, '-mindepth', '1', '-not', '-name', 'file']).stdout.length,
  ).toBe(0);
  // Away with it, so that the machine itself can be put away.
  await rm(machine.home, { recursive: true });
});

test.skipIf(!root)(
  'a home, keys or a store of another user is refused, with the command that mends it',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before']);
    await machine.ok(['daemon', 'stop']);
    for (const path of [machine.home, join(machine.home, 'keys'), join(machine.home, 'ipc.db')]) {
      await chown(path, STRANGER, STRANGER);
      const hint = await hintOf(machine, 'home_unsafe');
      expect(hint).toContain('chown');
      expect((await lstat(path)).uid).toBe(STRANGER);
      await chown(path, 0, 0);
    }
    await machine.ok(['send', 'bob', 'after']);
    expect(await bodies(machine, 'bob')).toEqual(['before', 'after']);
  },
);

test.skipIf(!root)('a home that root owns is refused to another user, and nothing in it read', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'secret']);
  const attempts = [
    ['check', '--as', 'bob'],
    ['send', 'bob', 'x'],
    ['daemon', 'run'],
  ].map((command) => {
    const done = Bun.spawnSync(
      ['setpriv', `--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups', BINARY, ...command],
      { env: { ...machine.environment }, cwd: '/', stdout: 'pipe', stderr: 'pipe' },
    );
    return { code: done.exitCode, said: done.stdout.toString() + done.stderr.toString() };
  });
  for (const { code, said } of attempts) {
    // Where not even the program can be reached by others, the shell says 126 or 127.
    expect([77, 126, 127]).toContain(code);
    expect(said).not.toContain('secret');
  }
  expect(await bodies(machine, 'bob')).toEqual(['secret']);
});

test.skipIf(!root)(
  'a folder that somebody else made where the socket of a long home goes is refused, and nothing in it dialed',
  async () => {
    await using machine = await openMachine();
    const env = { IPC_HOME: join(machine.directory, 'deep/'.repeat(20), 'home') };
    await machine.ok(['send', 'bob', 'before'], { env });
    const { socket } = await machine.json<{ socket: string }>(['daemon', 'status'], { env });
    await machine.ok(['daemon', 'stop'], { env });
    const folder = dirname(socket);
    await rm(folder, { recursive: true });
    await mkdir(folder, { mode: 0o700 });
    const heard: string[] = [];
    const stranger = Bun.listen({
      unix: socket,
      socket: { data: (_socket, chunk) => void heard.push(chunk.toString()) },
    });
    await Promise.all([chown(folder, STRANGER, STRANGER), chown(socket, STRANGER, STRANGER)]);
    const { code, stdout } = await machine.run(['send', 'bob', 'x', '--json'], { env });
    expect(code).toBe(77);
    const { error } = JSON.parse(stdout) as Refusal;
    expect(error).toMatchObject({ code: 'home_unsafe', hint: `sudo rm -r ${folder}` });
    stranger.stop(true);
    shell(machine, error.hint.replace('sudo ', ''));
    expect(heard).toEqual([]);
    await machine.ok(['send', 'bob', 'after'], { env });
    expect(await machine.ok(['check', '--as', 'bob'], { env })).toContain('before');
    await machine.ok(['daemon', 'stop'], { env });
    await rm(folder, { recursive: true, force: true });
  },
);

test('a home that is renamed while its daemon runs goes on under its new name, and the old name begins anew', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const pid = await machine.daemonPid();
  const moved = `${machine.home}-moved`;
  await rename(machine.home, moved);
  // The new home's daemon and the old one's, which has not noticed yet, are there at the same time.
  await machine.ok(['send', 'bob', 'after']);
  await eventually(async () => (isAlive(pid) ? undefined : true));
  expect(await bodies(machine, 'bob')).toEqual(['after']);
  const elsewhere = { env: { IPC_HOME: moved } };
  const { messages } = await machine.json<{ messages: { body: string }[] }>(
    ['check', '--as', 'bob'],
    elsewhere,
  );
  expect(messages.map(({ body }) => body)).toEqual(['before']);
  await machine.ok(['daemon', 'stop'], elsewhere);
  process.kill(await machine.daemonPid(), 'SIGKILL');
  expect(await machine.json(['history', '--as', 'bob'])).toMatchObject({ messages: [{ body: 'after' }] });
});

test('a home that is deleted while its daemon runs ends that daemon, and the next command begins anew', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const pid = await machine.daemonPid();
  await rm(machine.home, { recursive: true });
  await machine.ok(['send', 'bob', 'after']);
  await eventually(async () => (isAlive(pid) ? undefined : true));
  expect(await machine.daemonPid()).not.toBe(pid);
  process.kill(await machine.daemonPid(), 'SIGKILL');
  expect(await bodies(machine, 'bob')).toEqual(['after']);
});
