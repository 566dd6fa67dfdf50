import { expect, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { parseOwnName } from '../../src/protocol/names.ts';
import {
  bind,
  copyKey,
  pruneBindings,
  readBinding,
  readKey,
  readOrMakeKey,
  removeKey,
  sessionBinding,
  shellBinding,
  storeNewKey,
  unbind,
} from '../../src/system/keys.ts';
import { openToAppend, writeFault } from '../../src/system/files.ts';
import { tryLock } from '../../src/system/lock.ts';
import { randomKey } from '../../src/system/ids.ts';
import { temporaryHome } from '../support/home.ts';

const bob = parseOwnName('Bob');
const keysModule = `${import.meta.dir}/../../src/system/keys.ts`;

test('a key is made once, for its owner alone, whatever the case of the name', async () => {
  await using home = await temporaryHome();
  const made = readOrMakeKey(home.paths, bob);
  expect(made.fresh).toBe(true);
  expect(made.key).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(readOrMakeKey(home.paths, parseOwnName('BOB'))).toEqual({ key: made.key, fresh: false });
  expect(statSync(`${home.paths.keys}/bob`).mode & 0o777).toBe(0o600);
  expect(statSync(home.paths.keys).mode & 0o777).toBe(0o700);
});

test('processes that race for a key all hold the same one', async () => {
  await using home = await temporaryHome();
  const script = `
    const { readOrMakeKey } = await import(${JSON.stringify(keysModule)});
    for await (const _ of Bun.stdin.stream()) break;
    console.log(readOrMakeKey(${JSON.stringify(home.paths)}, 'bob').key);
  `;
  const racers = Array.from({ length: 8 }, () =>
    Bun.spawn([process.execPath, '-e', script], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' }),
  );
  for (const racer of racers) {
    void racer.stdin.write('go');
    await racer.stdin.end();
  }
  const keys = await Promise.all(racers.map((racer) => racer.stdout.text()));
  expect(new Set(keys).size).toBe(1);
  expect(readdirSync(home.paths.keys)).toEqual(['bob']);
});

test('a key that is no key opens nothing and is made anew', async () => {
  await using home = await temporaryHome();
  readOrMakeKey(home.paths, bob);
  writeFileSync(`${home.paths.keys}/bob`, 'half a k');
  expect(readKey(home.paths, bob)).toBeUndefined();
  expect(readOrMakeKey(home.paths, bob).fresh).toBe(true);
});

test('a rename copies the key, and only the key that was meant is removed', async () => {
  await using home = await temporaryHome();
  const { key } = readOrMakeKey(home.paths, bob);
  copyKey(home.paths, bob, parseOwnName('bobby'));
  expect(readKey(home.paths, parseOwnName('bobby'))).toBe(key);
  expect(storeNewKey(home.paths, bob, randomKey())).toBe(false);
  expect(removeKey(home.paths, bob, randomKey())).toBe(false);
  expect(removeKey(home.paths, bob, key)).toBe(true);
  expect(readKey(home.paths, bob)).toBeUndefined();
});

test('a session and a shell find the name they were bound to; what dead shells left is taken away', async () => {
  await using home = await temporaryHome();
  const session = sessionBinding('claude-code', 'id/with/../slashes');
  const shell = shellBinding({ pid: 4_242, startedAt: 'then' });
  bind(home.paths, session, { name: bob, asked: undefined });
  bind(home.paths, shell, { name: bob, asked: undefined });
  expect(readBinding(home.paths, session)).toEqual({ name: bob, asked: undefined });
  expect(readBinding(home.paths, shellBinding({ pid: 4_242, startedAt: 'later' }))).toBeUndefined();
  expect(pruneBindings(home.paths, () => true)).toBe(0);
  expect(pruneBindings(home.paths, ({ pid, startedAt }) => !(pid === 4_242 && startedAt === 'then'))).toBe(1);
  expect(readBinding(home.paths, shell)).toBeUndefined();
  expect(unbind(home.paths, session)).toBe(true);
  expect(readBinding(home.paths, session)).toBeUndefined();
});

test('keys and bindings that cannot be written say so, and where to look', async () => {
  await using home = await temporaryHome();
  const closed = expect.objectContaining({ code: 'cannot_create', hint: `ls -ld ${home.path}` });
  writeFileSync(home.paths.keys, '');
  writeFileSync(home.paths.bindings, '');
  expect(() => readOrMakeKey(home.paths, bob)).toThrow(expect.objectContaining({ code: 'cannot_create' }));
  expect(() => bind(home.paths, sessionBinding('test', '1'), { name: bob, asked: undefined })).toThrow(
    expect.objectContaining({ code: 'cannot_create' }),
  );
  rmSync(home.paths.keys);
  mkdirSync(home.paths.startLock);
  expect(await tryLock(home.paths.startLock).catch((error: unknown) => error)).toMatchObject({
    code: 'cannot_create',
  });
  mkdirSync(home.paths.log);
  expect(() => openToAppend(home.paths.log)).toThrow(closed);
});

test.each([
  ['ENOSPC', 'disk_full', 75],
  ['EDQUOT', 'disk_full', 75],
  ['EROFS', 'cannot_create', 73],
  ['EACCES', 'cannot_create', 73],
])('%s while writing is %s, exit %d', (code, wanted, exit) => {
  const error = Object.assign(new Error(code), { code });
  expect(writeFault('/home/bob/keys/bob', error)).toMatchObject({ code: wanted, exit });
});
