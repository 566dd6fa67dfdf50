import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SUMS, sumLine, targets } from '../../scripts/targets.ts';
import { BINARY } from './machine.ts';

const ROOT = resolve(import.meta.dir, '../..');
const SCRIPT = join(ROOT, 'scripts/install');
const OURS = `ipc-${process.platform}-${process.arch}`;
/** Runs as a binary does, and is quickly copied. */
const program = (version: string): string => `#!/bin/sh\necho "ipc ${version}"\n`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ipc-install-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Site {
  /** Where the downloads are: a folder with blanks in its path. */
  readonly folder: string;
  /** Where they go. */
  readonly to: string;
  install(
    args: readonly string[],
    options?: { shell?: readonly string[]; path?: string },
  ): Promise<Installed>;
  /** What lies in `to`, and what the program there says. */
  placed(): Promise<{ readonly files: readonly string[]; readonly says: string | undefined }>;
}

interface Installed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let sites = 0;
async function site(version = '2.0.0'): Promise<Site> {
  sites += 1;
  const folder = join(root, `site ${sites}`, 'down loads');
  const to = join(root, `site ${sites}`, 'its bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, OURS), program(version));
  await writeFile(join(folder, SUMS), `${'0'.repeat(64)}  ${OURS}-other\n${await sumLine(folder, OURS)}`);
  return {
    folder,
    to,
    install: async (args, { shell = ['sh'], path = process.env['PATH'] ?? '' } = {}) => {
      const env = { PATH: path, HOME: join(root, `site ${sites}`) };
      const child = Bun.spawn([...shell, SCRIPT, '--to', to, ...args], {
        env,
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const [code, stdout, stderr] = await Promise.all([
        child.exited,
        child.stdout.text(),
        child.stderr.text(),
      ]);
      return { code, stdout, stderr };
    },
    placed: async () => {
      const files: readonly string[] = await readdir(to).catch(() => []);
      const says = files.includes('ipc')
        ? Bun.spawnSync([join(to, 'ipc'), 'version'])
            .stdout.toString()
            .trim()
        : undefined;
      return { files, says };
    },
  };
}

/** Serves a folder as a web server that may cut a download short. */
function serve(folder: string, cut?: string) {
  return Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: async (socket, chunk) => {
        const name = decodeURIComponent(/^GET \/v2\/(\S+)/.exec(chunk.toString())?.[1] ?? '');
        const body = await readFile(join(folder, name)).catch(() => undefined);
        const head =
          body === undefined
            ? '404 Not Found\r\nContent-Length: 0'
            : `200 OK\r\nContent-Length: ${body.length}`;
        socket.write(`HTTP/1.1 ${head}\r\nConnection: close\r\n\r\n`);
        if (body !== undefined) socket.write(name === cut ? body.subarray(0, body.length / 2) : body);
        socket.end();
      },
    },
  });
}

/** A PATH with what the script needs, and of the downloaders only the named one. */
async function pathWith(...downloaders: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(root, 'path-'));
  const needed = 'sh uname getconf mkdir mktemp cat awk tr cut sha256sum mv rm cp chmod dirname sed echo';
  for (const name of [...needed.split(' '), ...downloaders]) {
    const found = Bun.which(name);
    if (found !== null) await symlink(found, join(folder, name === 'busybox' ? 'wget' : name));
  }
  return folder;
}

const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']] as const;

describe.each(shells)('under %s', (...shell) => {
  test.skipIf(Bun.which(shell[0]) === null)(
    'a folder’s binary is verified, put in place and upgraded',
    async () => {
      const its = await site();
      const first = await its.install(['--from', its.folder], { shell });
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toContain(`installed ipc 2.0.0 as ${its.to}/ipc`);
      expect(first.stdout).toContain('is not on your PATH');
      await writeFile(join(its.folder, OURS), program('3.0.0'));
      await writeFile(join(its.folder, SUMS), await sumLine(its.folder, OURS));
      const path = `${its.to}:${process.env['PATH']}`;
      const second = await its.install(['--from', its.folder], { shell, path });
      expect(second.stdout).toContain('it replaces ipc 2.0.0');
      expect(second.stdout).not.toContain('PATH');
      expect(await its.placed()).toEqual({ files: ['ipc'], says: 'ipc 3.0.0' });
    },
  );

  test.skipIf(Bun.which(shell[0]) === null)('a wrong sum is refused, and the old binary stays', async () => {
    const its = await site();
    await its.install(['--from', its.folder], { shell });
    await writeFile(join(its.folder, OURS), program('3.0.0'));
    const refused = await its.install(['--from', its.folder], { shell });
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain('nothing was changed');
    expect(await its.placed()).toEqual({ files: ['ipc'], says: 'ipc 2.0.0' });
  });
});

test.each([
  ['no file of sums', undefined, 66],
  ['sums without one of this file', `${'a'.repeat(64)}  ipc-plan9-x64\n`, 65],
  ['a sum that is none', `abc  ${OURS}\n`, 65],
  ['two sums', `${'a'.repeat(64)}  ${OURS}\n${'b'.repeat(64)}  ${OURS}\n`, 65],
])('%s is refused', async (_what, sums, code) => {
  const its = await site();
  await rm(join(its.folder, SUMS));
  if (sums !== undefined) await writeFile(join(its.folder, SUMS), sums);
  const refused = await its.install(['--from', its.folder]);
  expect(refused).toMatchObject({ code, stdout: '' });
  expect(refused.stderr).toContain('nothing was changed');
  expect(await its.placed()).toEqual({ files: [], says: undefined });
});

test('one file is taken with the sums beside it, or with a sum that was given', async () => {
  const its = await site();
  const file = join(its.folder, OURS);
  expect(await its.install(['--from', file])).toMatchObject({ code: 0 });
  await rm(join(its.folder, SUMS));
  const [sum = ''] = (await sumLine(its.folder, OURS)).split(' ');
  expect(await its.install(['--from', file, '--sum', sum.toUpperCase()])).toMatchObject({ code: 0 });
  expect(await its.install(['--from', file, '--sum', 'f'.repeat(64)])).toMatchObject({ code: 65 });
  expect(await its.install(['--from', file, '--sum', 'f'.repeat(63)])).toMatchObject({ code: 65 });
});

test('a binary that does not run here is refused before the old one goes', async () => {
  const its = await site();
  await its.install(['--from', its.folder]);
  await writeFile(join(its.folder, OURS), '#!/bin/sh\necho "wrong libc" >&2\nexit 127\n');
  await writeFile(join(its.folder, SUMS), await sumLine(its.folder, OURS));
  const refused = await its.install(['--from', its.folder]);
  expect(refused).toMatchObject({ code: 69 });
  expect(refused.stderr).toContain('wrong libc');
  expect(await its.placed()).toEqual({ files: ['ipc'], says: 'ipc 2.0.0' });
});

interface Fault {
  readonly cut?: string;
  readonly gone?: string;
}

// `busybox` called as wget is one too.
describe.each(['curl', 'wget', 'busybox'])('over HTTP with %s', (downloader) => {
  const absent = Bun.which(downloader) === null;

  test.skipIf(absent)('the binary is downloaded, verified and put in place', async () => {
    const its = await site();
    using server = serve(its.folder);
    const path = await pathWith(downloader);
    const done = await its.install(['--from', `http://127.0.0.1:${server.port}/v2/`], { path });
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(await its.placed()).toEqual({ files: ['ipc'], says: 'ipc 2.0.0' });
  });

  test.skipIf(absent).each([
    ['a binary that breaks off', { cut: OURS }, [65, 66]],
    ['sums that break off', { cut: SUMS }, [65, 66]],
    ['a binary that is not there', { gone: OURS }, [66]],
    ['sums that are not there', { gone: SUMS }, [66]],
  ])('%s leaves the old binary', async (_what, { cut, gone }: Fault, codes) => {
    const its = await site('1.0.0');
    await its.install(['--from', its.folder]);
    if (gone !== undefined) await rm(join(its.folder, gone));
    using server = serve(its.folder, cut);
    const refused = await its.install(['--from', `http://127.0.0.1:${server.port}/v2`], {
      path: await pathWith(downloader),
    });
    expect(codes).toContain(refused.code);
    expect(refused.stderr).toContain(cut ?? gone ?? '');
    expect(await its.placed()).toEqual({ files: ['ipc'], says: 'ipc 1.0.0' });
  });
});

test('without a downloader it says what to install', async () => {
  const its = await site();
  const refused = await its.install(['--from', 'http://127.0.0.1:9/v2'], { path: await pathWith() });
  expect(refused).toMatchObject({ code: 69 });
  expect(refused.stderr).toContain('curl or wget');
});

test('a place that cannot be written is named, and nothing is left there', async () => {
  const its = await site();
  await writeFile(join(root, 'a-file'), '');
  // Root may write in any folder but one like these.
  const closed = [join(root, 'a-file/bin'), ...(process.platform === 'linux' ? ['/proc/self'] : [])];
  for (const to of closed) {
    const refused = await its.install(['--from', its.folder, '--to', to]);
    expect(refused).toMatchObject({ code: 73, stdout: '' });
    expect(refused.stderr).toContain(to === '/proc/self' ? '/proc/' : to);
  }
  await mkdir(join(its.to, 'ipc'), { recursive: true });
  expect(await its.install(['--from', its.folder])).toMatchObject({ code: 73 });
});

test('the real binary goes to ~/.local/bin, and carries a message from there', async () => {
  const its = await site();
  await copyFile(BINARY, join(its.folder, OURS));
  await chmod(join(its.folder, OURS), 0o600);
  await writeFile(join(its.folder, SUMS), await sumLine(its.folder, OURS));
  const home = await mkdtemp(join(tmpdir(), 'ipc-user-'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, USER: 'tester' };
  const installed = Bun.spawnSync(['sh', SCRIPT, '--from', its.folder], { env });
  expect(installed.stderr.toString()).toBe('');
  const ipc = (...args: string[]): string =>
    Bun.spawnSync([`${home}/.local/bin/ipc`, ...args], { env }).stdout.toString();
  try {
    ipc('send', '--as', 'alice', 'bob', 'from its place');
    expect(ipc('check', '--as', 'bob')).toContain('from its place');
  } finally {
    ipc('daemon', 'stop');
    await rm(home, { recursive: true, force: true });
  }
});

test('a release has one file for each target, and sums of what was built', async () => {
  expect(new Set(targets.map(({ file }) => file)).size).toBe(targets.length);
  for (const { target, file } of targets)
    expect(file.replace(/\.exe$/, '')).toBe(target.replace('bun-', 'ipc-'));
  const folder = join(root, 'release');
  const build = ['scripts/build.ts', '--all', '--only', 'bun-linux-x64', '--outfile', join(folder, 'ipc')];
  const built = Bun.spawnSync([process.execPath, ...build], { cwd: ROOT });
  expect(built.stderr.toString()).toContain('1 files');
  expect(await readFile(join(folder, SUMS), 'utf8')).toBe(await sumLine(folder, 'ipc-linux-x64'));
  expect(Bun.spawnSync(['sha256sum', '-c', SUMS], { cwd: folder }).exitCode).toBe(0);
});
