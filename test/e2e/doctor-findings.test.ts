/** `ipc doctor`: what it finds in a home that is not as it should be, and the command that helps. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmod, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine, type Machine } from './machine.ts';

interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly found: string;
  readonly run?: string;
}

let machine: Machine;
beforeEach(async () => {
  machine = await openMachine();
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

async function findings(): Promise<readonly [code: number, found: ReadonlyMap<string, Finding>]> {
  const { code, stdout } = await machine.run(['doctor', '--json']);
  const { findings: all } = JSON.parse(stdout) as { findings: Finding[] };
  return [code, new Map(all.map((each) => [each.what, each]))];
}

test('nothing was ever started: the home is yet to be made, and all is well', async () => {
  const [code, found] = await findings();
  expect(code).toBe(0);
  expect(found.get('home')).toMatchObject({
    state: 'ok',
    found: `${machine.home} (made with the first command)`,
  });
  expect(found.get('keys')).toMatchObject({ state: 'ok', found: '0 held' });
});

test('keys that others can read, and files that hold no key', async () => {
  await machine.ok(['send', '--as', 'ann', 'bob', 'hello']);
  const key = join(machine.home, 'keys/ann');
  await chmod(key, 0o644);
  const [code, open] = await findings();
  expect(code).toBe(1);
  expect(open.get('keys')).toEqual({
    state: 'fail',
    what: 'keys',
    found: 'others can read ann',
    run: `chmod 600 ${key}`,
  });
  await Bun.write(key, 'no key');
  await chmod(key, 0o600);
  expect((await findings())[1].get('keys')).toMatchObject({
    state: 'warn',
    found: 'no key in the files of ann',
  });
});

test('a home with the wrong mode, a configuration nobody can read, a body that is gone', async () => {
  await machine.ok(['send', '--as', 'ann', 'bob', '-'], { stdin: 'long '.repeat(50_000) });
  const { messages } = await machine.json<{ messages: { bodyBlob: { path: string } }[] }>([
    'check',
    '--as',
    'bob',
  ]);
  await rm(messages[0]?.bodyBlob.path ?? '');
  const [code, found] = await findings();
  expect([code, found.get('store')]).toMatchObject([
    1,
    {
      state: 'fail',
      found: expect.stringMatching(/^missing, of message \S+ from ann: /),
      run: 'ipc doctor --repair',
    },
  ]);

  await Bun.write(join(machine.home, 'config.json'), '{"idleExit": ');
  expect((await findings())[1].get('configuration')).toMatchObject({ state: 'fail' });
  await rm(join(machine.home, 'config.json'));

  // What others can only read is closed without a word; what they could have changed is not trusted.
  await chmod(machine.home, 0o750);
  expect((await findings())[1].get('home')).toMatchObject({ state: 'ok' });
  expect((await stat(machine.home)).mode & 0o777).toBe(0o700);
  await chmod(machine.home, 0o500);
  expect((await findings())[1].get('home')).toMatchObject({
    state: 'warn',
    found: `${machine.home} has mode 500, wanted 700`,
  });
  await chmod(machine.home, 0o770);
  const home = (await findings())[1].get('home');
  expect(home).toMatchObject({ state: 'fail', run: `chmod 700 ${machine.home}` });
  Bun.spawnSync(['sh', '-c', home?.run ?? '']);
  expect((await stat(machine.home)).mode & 0o777).toBe(0o700);
  expect((await findings())[1].get('home')).toMatchObject({ state: 'ok' });
});

test('mail that is held, and mail that nobody could be handed', async () => {
  await machine.ok(['register', 'bob', '--as', 'bob']);
  await machine.ok(['pause', '--as', 'bob']);
  await machine.ok(['send', '--as', 'ann', 'bob', 'waits']);
  expect((await findings())[1].get('mail')).toMatchObject({
    state: 'warn',
    found: '0 waiting, 1 held, 0 dead',
    run: 'ipc release',
  });
});
