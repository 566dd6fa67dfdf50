/** A home in which somebody edited what our own commands write: each file is named, and none takes the rest down. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDoor } from './http-door.ts';
import { openMachine, type Machine } from './machine.ts';

let machine: Machine;
beforeEach(async () => {
  machine = await openMachine();
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

const inHome = (name: string): string => join(machine.home, name);

test('settings that mean nothing are refused with the place they stand in and the command that mends it', async () => {
  await machine.ok(['who']);
  const refusals: [Readonly<Record<string, string>>, string][] = [
    [{ IPC_IDLE_EXIT: 'soon' }, 'unset IPC_IDLE_EXIT'],
    [{ IPC_IDLE_EXIT: '5x' }, 'unset IPC_IDLE_EXIT'],
    [{ IPC_RETENTION_DAYS: '3m' }, 'unset IPC_RETENTION_DAYS'],
    [{ IPC_HTTP_DEFAULT_TO: 'a b' }, 'unset IPC_HTTP_DEFAULT_TO'],
    [{ IPC_HTTP_DEFAULT_TO: '@all' }, 'unset IPC_HTTP_DEFAULT_TO'],
  ];
  for (const [env, hint] of refusals) {
    const { code, stderr } = await machine.run(['config', 'list'], { env });
    expect([env, code, stderr.includes(`try: ${hint}`) ? hint : stderr]).toEqual([env, 65, hint]);
  }
  await writeFile(inHome('config.json'), '{"idleExit": "soon"}');
  const { code, stderr } = await machine.run(['config', 'list']);
  expect([code, stderr.includes('idleExit') && stderr.includes('config.json')]).toEqual([65, true]);
  await machine.ok(['config', 'set', 'idleExit', '--reset']);
  expect((await machine.ok(['config', 'get', 'idleExit'])).trim()).toBe('1800');
});

test('a webhook whose file is broken is named; the others go on', async () => {
  await machine.ok(['webhook', 'add', 'good', '--to', 'bob', '--verify', 'bearer']);
  await machine.ok(['webhook', 'add', 'bad', '--to', 'bob', '--verify', 'bearer']);
  const file = inHome('webhooks/bad.json');
  const whole = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  const door = await openDoor(machine);
  const post = async (name: string): Promise<number> =>
    (await fetch(`${door.url}/hooks/${name}`, { method: 'POST', body: 'x' })).status;
  for (const [text, words] of [
    ['{"id":', 'it is not JSON'],
    [JSON.stringify({ ...whole, secret: '' }), 'no secret'],
    [JSON.stringify({ ...whole, to: [] }), 'no recipient in to'],
    [JSON.stringify({ ...whole, verify: { scheme: 'none' } }), 'no scheme in verify'],
    ['[]', 'no id'],
  ] as const) {
    await writeFile(file, text);
    const removed = await machine.run(['webhook', 'rotate', 'bad']);
    expect([text, removed.code, removed.stderr.includes(words) ? words : removed.stderr]).toEqual([
      text,
      1,
      words,
    ]);
    expect([await post('bad'), await post('good')]).toEqual([500, 401]);
    const listed = await machine.run(['webhook', 'list']);
    expect(listed.stdout + listed.stderr).toContain('bad');
  }
  await door.stop();
});

test('tokens that an edit broke open nothing, and the file is named with what mends it', async () => {
  const good = (await machine.ok(['token', 'create', '--agent', 'bob', '--scope', 'read'])).trim();
  const door = await openDoor(machine);
  const path = inHome('tokens.json');
  const whole = await readFile(path, 'utf8');
  const { tokens } = JSON.parse(whole) as { tokens: Record<string, unknown>[] };
  const asks = async (token: string): Promise<number> =>
    (await fetch(`${door.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect([await asks(good), await asks('wrong')]).toEqual([200, 401]);
  const [row = {}] = tokens;
  for (const rows of [
    [...tokens, null],
    [...tokens, { ...row, agent: 'a b' }],
    [...tokens, { ...row, hash: 1 }],
    'no list',
    undefined,
  ]) {
    await writeFile(path, rows === undefined ? 'no JSON at all' : JSON.stringify({ tokens: rows }));
    expect([await asks(good), await asks('wrong')]).toEqual([500, 500]);
    const listed = await machine.run(['token', 'list']);
    expect([listed.code, listed.stderr.includes(`mv ${path} ${path}.broken`)]).toEqual([65, true]);
  }
  // A scope of a later version opens nothing, and takes nothing else away.
  await writeFile(
    path,
    JSON.stringify({ tokens: [...tokens, { ...row, id: 'x', hash: 'y', scopes: ['all'] }] }),
  );
  expect([await asks(good), await asks('wrong')]).toEqual([200, 401]);
  await door.stop();
});

test('keys, bindings and records that hold nothing of ours are passed over', async () => {
  await machine.ok(['register', 'bob', '--as', 'bob']);
  await writeFile(inHome('keys/ann'), 'short\n', { mode: 0o600 });
  await writeFile(inHome('keys/.DS_Store'), '', { mode: 0o600 });
  const asAnn = await machine.run(['send', '--as', 'ann', 'bob', 'x']);
  expect([asAnn.code === 0, asAnn.stderr === '']).not.toEqual([false, true]);
  expect(await machine.ok(['send', '--as', 'carl', 'bob', 'arrives'])).toContain('bob');
  expect(await readdir(inHome('keys'))).toContain('carl');
  for (const folder of ['kernels/py', 'hooks', 'bindings', 'waiters', 'autocheck']) {
    Bun.spawnSync(['mkdir', '-p', inHome(folder)]);
    await writeFile(inHome(`${folder}/host.json`), '{"name":');
  }
  expect((await machine.run(['kernel', 'list'])).code).toBe(0);
  expect((await machine.run(['autocheck', 'status', '--as', 'bob'])).code).toBe(0);
  expect(await machine.ok(['check', '--as', 'bob'])).toContain('arrives');
});
