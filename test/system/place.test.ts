import { expect, test } from 'bun:test';
import { chmod, mkdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { Failure } from '../../src/protocol/failures.ts';
import type { Environment } from '../../src/system/environment.ts';
import { resolvePaths } from '../../src/system/paths.ts';
import { shellWord } from '../../src/system/files.ts';
import { checkHome, prepareHome } from '../../src/system/home.ts';
import { temporaryHome } from '../support/home.ts';

function refusal(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('wanted a refusal, found none');
}

function at(environment: Environment, home: string): Environment {
  return { ...environment, variables: { ...environment.variables, IPC_HOME: home } };
}

test('a home that is not there is made for its user alone', async () => {
  await using root = await temporaryHome();
  const environment = at(root.environment, `${root.path}/a/b`);
  const paths = resolvePaths(environment);
  expect(checkHome(paths, environment)).toBe(false);
  prepareHome(paths, environment);
  expect((await stat(paths.home)).mode & 0o777).toBe(0o700);
  expect(checkHome(paths, environment)).toBe(true);
});

test('a home that is a symbolic link is refused', async () => {
  await using root = await temporaryHome();
  await mkdir(`${root.path}/real`, { mode: 0o700 });
  await symlink(`${root.path}/real`, `${root.path}/link`);
  const environment = at(root.environment, `${root.path}/link`);
  const failure = refusal(() => prepareHome(resolvePaths(environment), environment));
  expect(failure.code).toBe('home_unsafe');
  expect(await readlink(`${root.path}/link`)).toBe(`${root.path}/real`);
});

test.each([0o770, 0o707, 0o777])(
  'a home of mode %o is refused, with the command that mends it',
  async (mode) => {
    await using root = await temporaryHome();
    const home = `${root.path}/it's here`;
    await mkdir(home);
    await chmod(home, mode);
    const environment = at(root.environment, home);
    const failure = refusal(() => checkHome(resolvePaths(environment), environment));
    expect(failure.code).toBe('home_unsafe');
    Bun.spawnSync(['sh', '-c', failure.hint]);
    expect(checkHome(resolvePaths(environment), environment)).toBe(true);
  },
);

test('a home of another user is refused', async () => {
  await using root = await temporaryHome();
  const environment = { ...root.environment, uid: 4_242 };
  expect(refusal(() => checkHome(root.paths, environment)).code).toBe('home_unsafe');
});

test('a file where the home should be is refused', async () => {
  await using root = await temporaryHome();
  await writeFile(`${root.path}/file`, '');
  const environment = at(root.environment, `${root.path}/file`);
  expect(refusal(() => prepareHome(resolvePaths(environment), environment)).code).toBe('home_unsafe');
});

test('a home that cannot be made says so', async () => {
  await using root = await temporaryHome();
  await writeFile(`${root.path}/file`, '');
  const environment = at(root.environment, `${root.path}/file/below`);
  expect(['cannot_create', 'home_unsafe']).toContain(
    refusal(() => prepareHome(resolvePaths(environment), environment)).code,
  );
});

test('a home whose path is too long for a socket gets a short folder of its own, guarded like the home', async () => {
  await using root = await temporaryHome();
  const environment = at(root.environment, `${root.path}/${'long/'.repeat(30)}`);
  const paths = resolvePaths(environment);
  expect(Buffer.byteLength(paths.socket)).toBeLessThanOrEqual(100);
  expect(paths.socketFolder).not.toBe(paths.home);
  prepareHome(paths, environment);
  try {
    expect((await stat(paths.socketFolder)).mode & 0o777).toBe(0o700);
    await chmod(paths.socketFolder, 0o777);
    expect(refusal(() => checkHome(paths, environment)).code).toBe('home_unsafe');
  } finally {
    await rm(paths.socketFolder, { recursive: true });
  }
});

test('every spelling of a home leads to the same socket, and two homes to two', async () => {
  await using root = await temporaryHome();
  const long = `${root.path}/${'x'.repeat(120)}`;
  const socket = (home: string): string => resolvePaths(at(root.environment, home)).socket;
  expect(socket(`${long}/`)).toBe(socket(long));
  expect(socket(`${long}/../${'x'.repeat(120)}/.`)).toBe(socket(long));
  expect(socket(`${long}y`)).not.toBe(socket(long));
});

test('the home depends on nothing a client program scrubs or changes', async () => {
  await using root = await temporaryHome();
  const { IPC_HOME: _home, ...rest } = root.variables;
  const plain = resolvePaths({ ...root.environment, variables: rest });
  const noisy = resolvePaths({
    ...root.environment,
    variables: { ...rest, XDG_RUNTIME_DIR: '/run/user/1', XDG_STATE_HOME: '/x', TMPDIR: '/elsewhere' },
  });
  expect(noisy).toEqual(plain);
  expect(plain.home).toBe(`${root.path}/.ipc`);
});

test('on Windows the socket is a pipe named by the home', async () => {
  await using root = await temporaryHome();
  const windows: Environment = {
    ...root.environment,
    platform: 'win32',
    variables: { LOCALAPPDATA: 'D:\\Bob\\Local' },
  };
  const paths = resolvePaths(windows);
  expect(paths.socket).toMatch(/^\\\\\.\\pipe\\ipc-[0-9a-f]{16}$/);
  expect(paths.home).toBe('D:/Bob/Local/ipc');
});

test('on Windows one home has one pipe, however its path is spelt', async () => {
  await using root = await temporaryHome();
  const placeOf = (home: string) =>
    resolvePaths({
      ...root.environment,
      platform: 'win32',
      directory: 'C:\\People\\Bob\\code',
      userHome: 'C:\\People\\Bob',
      variables: { IPC_HOME: home },
    });
  const { home, socket } = placeOf('C:\\People\\Bob\\its home');
  expect(home).toBe('C:/People/Bob/its home');
  for (const spelt of [
    'c:/people/bob/ITS HOME/',
    'C:\\People\\.\\Bob\\code\\..\\its home',
    '\\People\\Bob\\its home',
    '/People/Bob/its home',
    '..\\its home',
    '~\\its home',
    '~/its home',
  ])
    expect(placeOf(spelt).socket).toBe(socket);
  expect(placeOf('~').home).toBe('C:/People/Bob');
  expect(placeOf('~bob').home).toBe('C:/People/Bob/code/~bob');
  expect(placeOf('\\\\server\\share\\bob').home).toBe('//server/share/bob');
  expect(placeOf('D:\\People\\Bob\\its home').socket).not.toBe(socket);
});

test('a tilde that no shell has read is the user’s own folder', async () => {
  await using root = await temporaryHome();
  expect(resolvePaths(at(root.environment, '~/mail')).home).toBe(`${root.path}/mail`);
  expect(resolvePaths({ ...at(root.environment, '~mail'), directory: '/x' }).home).toBe('/x/~mail');
});

test('a path is one word of a shell, whatever is in it', () => {
  for (const path of ['/plain/path', "/it's", '/two words', '/$(touch x)', '/a"b`c']) {
    const echoed = Bun.spawnSync(['sh', '-c', `printf %s ${shellWord(path)}`]).stdout.toString();
    expect(echoed).toBe(path);
  }
});
