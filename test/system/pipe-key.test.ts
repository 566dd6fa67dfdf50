import { expect, test } from 'bun:test';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { nameFile } from '../../src/system/name-file.ts';
import { sessionSecret, sharedSecret } from '../../src/system/secret.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';

const onWindows = (home: TestHome, variables: Readonly<Record<string, string>> = {}) => ({
  ...home.environment,
  platform: 'win32' as const,
  variables: { ...home.environment.variables, ...variables },
});

test('on Windows there is a key to prove in every home, private, and not shown as a secret of the user', async () => {
  await using home = await temporaryHome();
  const key = sessionSecret(home.paths, onWindows(home));
  expect(key).toMatch(/^[\w-]{43}$/);
  expect(sessionSecret(home.paths, onWindows(home))).toBe(key);
  expect((await stat(home.paths.pipeKey)).mode & 0o777).toBe(0o600);
  expect(sharedSecret(home.paths, onWindows(home))).toBeUndefined();
  await using other = await temporaryHome();
  expect(sessionSecret(other.paths, onWindows(other))).not.toBe(key);
});

test('where a socket’s mode guards the daemon there is none', async () => {
  await using home = await temporaryHome();
  expect(sessionSecret(home.paths, home.environment)).toBeUndefined();
});

test('a shared secret is asked for beside the key: neither alone is enough', async () => {
  await using home = await temporaryHome();
  const key = sessionSecret(home.paths, onWindows(home));
  const both = sessionSecret(home.paths, onWindows(home, { IPC_SHARED_SECRET: 'opensesame' }));
  const other = sessionSecret(home.paths, onWindows(home, { IPC_SHARED_SECRET: 'opensesamy' }));
  expect(new Set([key, both, other, 'opensesame']).size).toBe(4);
  await using elsewhere = await temporaryHome();
  expect(sessionSecret(elsewhere.paths, onWindows(elsewhere, { IPC_SHARED_SECRET: 'opensesame' }))).not.toBe(
    both,
  );
});

test('twenty processes that make it at once have the same one', async () => {
  await using home = await temporaryHome();
  const script = `
    const { sessionSecret } = await import(${JSON.stringify(`${import.meta.dir}/../../src/system/secret.ts`)});
    const paths = { pipeKey: ${JSON.stringify(home.paths.pipeKey)}, secret: '/nowhere' };
    console.log(sessionSecret(paths, { platform: 'win32', variables: {} }));`;
  const made = await Promise.all(
    Array.from({ length: 20 }, () =>
      Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' }).stdout.text(),
    ),
  );
  expect(new Set(made).size).toBe(1);
  expect(made[0]?.trim()).toBe((await readFile(home.paths.pipeKey, 'utf8')).trim());
});

test.each(['', '\n', 'short'])(
  'what is no key (%j), as a power cut may leave it, is made anew',
  async (text) => {
    await using home = await temporaryHome();
    await writeFile(home.paths.pipeKey, text);
    const key = sessionSecret(home.paths, onWindows(home));
    expect(key).toMatch(/^[\w-]{43}$/);
    expect((await readFile(home.paths.pipeKey, 'utf8')).trim()).toBe(key ?? '');
  },
);

test('a key that cannot be had is a failure, never a session without proof', async () => {
  await using home = await temporaryHome();
  await mkdir(home.paths.pipeKey);
  expect(() => sessionSecret(home.paths, onWindows(home))).toThrow();
});

test.each([
  ['con', '~con~'],
  ['COM1', '~com1~'],
  ['nul.txt', '~nul.txt~'],
  ['bob.', '~bob.~'],
  ['console', 'console'],
  ['con-2', 'con-2'],
  ['Bob', 'bob'],
])('the file of %s is called %s on Windows', (name, file) => {
  expect(nameFile(name, 'win32')).toBe(file);
  expect(nameFile(name, 'linux')).toBe(name.toLowerCase());
});
