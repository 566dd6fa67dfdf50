/** What others may have left in a home, and homes that others made (design §4): nothing of theirs is used, nothing outside is touched. */
import { expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BINARY, openMachine, type Machine } from './machine.ts';

/** Somewhere outside: a file and a folder with things that must stay as they are. */
function outside(machine: Machine) {
  const folder = join(machine.directory, 'outside');
  mkdirSync(folder);
  const file = join(folder, 'file');
  writeFileSync(file, 'not yours\n');
  chmodSync(file, 0o644);
  const inner = join(folder, 'inner');
  mkdirSync(inner);
  chmodSync(inner, 0o755);
  const look = (): unknown => ({
    text: readFileSync(file, 'utf8'),
    names: [readdirSync(folder), readdirSync(inner)],
    modes: [file, inner].map((path) => lstatSync(path).mode & 0o777),
  });
  const before = look();
  return { file, inner, expectUntouched: () => expect(look()).toEqual(before) };
}

const FILES = ['config.json', 'daemon.lock', 'daemon.log', 'ipc.db', 'ipc.db-wal', 'secret', 'start.lock'];
const FOLDERS = ['backups', 'bindings', 'blobs', 'keys'];

test.each([...FILES, ...FOLDERS, 'ipc.sock'])(
  'a symbolic link in the place of %s is refused by name before the daemon starts, and nothing is done where it leads',
  async (entry) => {
    await using machine = await openMachine();
    const others = outside(machine);
    mkdirSync(machine.home, { mode: 0o700 });
    const link = join(machine.home, entry);
    symlinkSync(FOLDERS.includes(entry) ? others.inner : others.file, link);
    for (const args of [
      ['send', 'bob', 'x', '--file', import.meta.path],
      ['daemon', 'run'],
      ['register', 'ann'],
    ]) {
      const { code, stdout, stderr } = await machine.run(args);
      expect({ args, code, told: stdout + stderr }).toMatchObject({
        code: 77,
        told: expect.stringContaining(link),
      });
    }
    others.expectUntouched();
    rmSync(link);
    await machine.ok(['send', 'bob', 'x']);
  },
  30_000,
);

test('links put there while the daemon runs lead it nowhere, and go on being refused until they are gone', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before', '--file', import.meta.path]);
  const others = outside(machine);
  for (const entry of ['blobs', 'keys', 'ipc.sock']) {
    const [place, aside] = [join(machine.home, entry), join(machine.directory, `aside-${entry}`)];
    const there = existsSync(place);
    if (there) renameSync(place, aside);
    symlinkSync(FOLDERS.includes(entry) ? others.inner : others.file, place);
    const refused = await machine.run(['send', 'bob', 'x', '--file', import.meta.path, '--as', 'eve']);
    expect(refused.code).toBe(77);
    rmSync(place);
    if (there) renameSync(aside, place);
  }
  others.expectUntouched();
  await machine.ok(['send', 'bob', 'after', '--file', import.meta.path]);
}, 60_000);

test.each(['000', '777', '277'])(
  'under umask %s the home is its owner’s alone, and can be used',
  async (umask) => {
    await using machine = await openMachine();
    const script = `umask ${umask}; for word in one two; do "$0" send bob $word --file "$1" || exit; done; exec "$0" check --as bob`;
    const ran = Bun.spawnSync(['sh', '-c', script, BINARY, import.meta.path], {
      env: machine.environment,
      cwd: machine.directory,
    });
    expect(ran.stderr.toString()).toBe('');
    expect(ran.stdout.toString()).toContain('two');
    const modes = (kind: 'd' | 'f', wanted: string): string =>
      Bun.spawnSync(['find', machine.home, '-type', kind, '-not', '-perm', wanted]).stdout.toString();
    expect(modes('d', '700')).toBe('');
    const files = Bun.spawnSync([
      'find',
      machine.home,
      '-type',
      'f',
      '-not',
      '-perm',
      '600',
      '-not',
      '-perm',
      '400',
    ]);
    expect(files.stdout.toString()).toBe('');
    expect(lstatSync(join(machine.home, 'ipc.sock')).mode & 0o777).toBe(0o600);
  },
);

test('a second name of a key’s file, outside, does not get the key that comes after it', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'ann']);
  const [key, second] = [join(machine.home, 'keys/ann'), join(machine.directory, 'second')];
  linkSync(key, second);
  const former = readFileSync(key, 'utf8');
  await machine.ok(['agent', 'remove', 'ann', '--yes', '--force']);
  await machine.ok(['check', '--as', 'ann']);
  expect(readFileSync(second, 'utf8')).toBe(former);
  expect(readFileSync(key, 'utf8')).not.toBe(former);
});
