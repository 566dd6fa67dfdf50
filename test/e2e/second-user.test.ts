/**
 * Another user of the machine, a real one: it can neither connect nor read, also where modes were opened by
 * mistake, and what it put in our way is refused in words (design §4, §5).
 */
import { expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
} from 'node:fs';
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readEnvironment } from '../../src/system/environment.ts';
import { resolvePaths } from '../../src/system/paths.ts';
import { helloParams, lineClient } from '../torture/line-client.ts';
import { BINARY, eventually, openMachine, type Machine, type Result } from './machine.ts';

/** nobody: has no files and no rights of its own. */
const OTHER = 65_534;

const lacking =
  process.getuid?.() !== 0
    ? 'only root can act as a second user'
    : Bun.which('setpriv') === null
      ? 'there is no setpriv (util-linux)'
      : undefined;
if (lacking !== undefined) process.stderr.write(`tests with a second user: skipped, ${lacking}\n`);
const withOther = test.skipIf(lacking !== undefined);

interface OtherUser extends Disposable {
  /** A folder that everybody may enter; the other user's own is `own` in it. */
  readonly place: string;
  readonly own: string;
  ipc(args: readonly string[], home: string): Result;
  run(command: readonly string[]): Result;
  start(args: readonly string[], home: string): Bun.Subprocess;
  /** Connects, says hello and asks who is there; what came back, or the system's word why not. */
  connect(socket: string): string;
}

function otherUser(): OtherUser {
  const place = mkdtempSync(join(tmpdir(), 'ipc-two-'));
  chmodSync(place, 0o755);
  const own = join(place, 'own');
  mkdirSync(own);
  chownSync(own, OTHER, OTHER);
  // The binary lies in a folder of ours that it may not enter.
  const binary = join(place, 'ipc');
  copyFileSync(BINARY, binary, constants.COPYFILE_FICLONE);
  chmodSync(binary, 0o755);
  const become = ['setpriv', `--reuid=${OTHER}`, `--regid=${OTHER}`, '--clear-groups'];
  const how = (home: string, more: Readonly<Record<string, string>> = {}) => ({
    cwd: own,
    env: { PATH: process.env['PATH'] ?? '', HOME: own, USER: 'other', IPC_HOME: home, ...more },
  });
  const finished = (command: readonly string[], options: ReturnType<typeof how>): Result => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...become, ...command], options);
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  const frames = [
    { jsonrpc: '2.0', id: 1, method: 'rpc.hello', params: helloParams({ kind: 'human' }) },
    { jsonrpc: '2.0', id: 2, method: 'who', params: { all: true } },
  ];
  const script = `
    const [path, text] = process.argv.slice(-2);
    await Bun.connect({ unix: path, socket: {
      open: (socket) => void socket.write(text),
      data: (socket, chunk) => { process.stdout.write(chunk); if (String(chunk).includes('"id":2')) process.exit(0); },
      close: () => process.exit(0),
      connectError: () => undefined,
    } }).catch((error) => { console.log(error.code); process.exit(0); });`;
  return {
    place,
    own,
    ipc: (args, home) => finished([binary, ...args], how(home)),
    run: (command) => finished(command, how(own)),
    start: (args, home) =>
      Bun.spawn([...become, binary, ...args], {
        ...how(home),
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'ignore',
      }),
    connect: (socket) => {
      const text = frames.map((frame) => `${JSON.stringify(frame)}\n`).join('');
      // The compiled program is Bun itself when it is asked to be.
      return finished([binary, '-e', script, socket, text], how(own, { BUN_BE_BUN: '1' })).stdout;
    },
    [Symbol.dispose]: () => rmSync(place, { recursive: true, force: true }),
  };
}

async function withMail(machine: Machine): Promise<string> {
  await machine.ok(['send', 'bob', 'for bob alone']);
  // What lies above the home is open to everybody, as /home is.
  chmodSync(dirname(machine.home), 0o755);
  return join(machine.home, 'ipc.sock');
}

withOther('another user can neither connect nor read, and is told whose the home is', async () => {
  await using machine = await openMachine();
  const socket = await withMail(machine);
  using other = otherUser();
  expect(other.connect(socket)).toMatch(/^(EACCES|EPERM|ENOENT|ECONNREFUSED)/);
  for (const file of ['ipc.db', 'keys/bob', 'daemon.log'])
    expect(other.run(['cat', join(machine.home, file)])).toMatchObject({ code: 1, stdout: '' });
  for (const args of [['check', '--as', 'bob'], ['send', 'bob', 'forged'], ['who'], ['daemon', 'stop']]) {
    const { code, stdout, stderr } = other.ipc(args, machine.home);
    expect({ args, code, stdout }).toEqual({ args, code: 77, stdout: '' });
    expect(stderr).toContain(`it belongs to user 0, not ${OTHER}`);
  }
  expect(await machine.ok(['check', '--as', 'bob'])).toContain('for bob alone');
});

withOther(
  'where a home and its socket were opened by mistake, the daemon asks the kernel who comes',
  async () => {
    await using machine = await openMachine();
    const socket = await withMail(machine);
    using other = otherUser();
    for (const mode of [0o755, 0o777]) {
      chmodSync(machine.home, mode);
      chmodSync(socket, 0o666);
      const heard = other.connect(socket);
      expect(heard).toContain(`wanted a session of user 0, found one of user ${OTHER}`);
      expect(heard).not.toContain('"result"');
      expect(heard).not.toContain('bob');
      expect(other.ipc(['who'], machine.home).stderr).toContain(`it belongs to user 0, not ${OTHER}`);
    }
    // Others might have changed what is in it: that is for its owner to decide. What they could only read is closed.
    expect(await machine.run(['check', '--as', 'bob'])).toMatchObject({ code: 77 });
    chmodSync(machine.home, 0o755);
    expect(await machine.ok(['check', '--as', 'bob'])).toContain('for bob alone');
    expect(lstatSync(machine.home).mode & 0o777).toBe(0o700);
  },
);

withOther(
  'root may connect to another user’s daemon, and does not mistake that home for its own',
  async () => {
    await using machine = await openMachine();
    using other = otherUser();
    const home = join(other.own, 'home');
    const daemon = other.start(['daemon', 'run'], home);
    try {
      await eventually(async () => existsSync(join(home, 'ipc.sock')) || undefined);
      const root = await lineClient(join(home, 'ipc.sock'), {});
      expect(await root.call('daemon.status', {})).toMatchObject({ home });
      root.end();
      const { code, stderr } = await machine.run(['who'], { env: { IPC_HOME: home } });
      expect(code).toBe(77);
      expect(stderr).toContain(`it belongs to user ${OTHER}, not 0`);
    } finally {
      daemon.kill();
      await daemon.exited;
    }
  },
);

withOther(
  'a home that another user made before us in a shared folder is refused, and nothing is put in it',
  async () => {
    await using machine = await openMachine();
    using other = otherUser();
    chmodSync(other.place, 0o1777);
    const home = join(other.place, 'x');
    for (const mode of ['0700', '0777']) {
      expect(other.run(['mkdir', '-m', mode, home]).code).toBe(0);
      const { code, stderr } = await machine.run(['send', 'bob', 'hi'], { env: { IPC_HOME: home } });
      expect({ code, names: readdirSync(home) }).toEqual({ code: 77, names: [] });
      expect(stderr).toContain(`it belongs to user ${OTHER}, not 0`);
      rmSync(home, { recursive: true });
    }
    symlinkSync(other.own, home);
    const linked = await machine.run(['send', 'bob', 'hi'], { env: { IPC_HOME: home } });
    expect({ code: linked.code, names: readdirSync(other.own) }).toEqual({ code: 77, names: [] });
    expect(linked.stderr).toContain('it is a symbolic link');
  },
);

withOther(
  'the short folder for the socket of a long home, made by another user before us, is refused by name',
  async () => {
    await using machine = await openMachine();
    using other = otherUser();
    const home = join(other.place, 'long'.repeat(30));
    const own = readEnvironment();
    const { socketFolder } = resolvePaths({ ...own, variables: { IPC_HOME: home } });
    expect(socketFolder).not.toBe(home);
    try {
      for (const plant of [
        ['mkdir', '-m', '0777', socketFolder],
        ['ln', '-s', other.own, socketFolder],
      ]) {
        expect(other.run(plant).code).toBe(0);
        const { code, stderr } = await machine.run(['send', 'bob', 'hi'], { env: { IPC_HOME: home } });
        expect(code).toBe(77);
        expect(stderr).toContain(socketFolder);
        expect(readdirSync(socketFolder)).toEqual([]);
        rmSync(socketFolder, { recursive: true });
      }
      await machine.ok(['send', 'bob', 'hi'], { env: { IPC_HOME: home } });
    } finally {
      await machine.run(['daemon', 'stop'], { env: { IPC_HOME: home } });
      rmSync(socketFolder, { recursive: true, force: true });
    }
  },
);
