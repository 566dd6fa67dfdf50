/** Where Jupyter keeps its things, on every platform, and what a kernelspec comes to. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeConnectionFile } from '../../src/kernel/connection-info.ts';
import { dataFolder, runtimeFolder, specFolders } from '../../src/kernel/folders.ts';
import { commandOf, findSpecs, specNamed } from '../../src/kernel/kernelspec.ts';
import { freeConnection, launchKernel, privateConnection, removeTraces } from '../../src/kernel/launch.ts';
import { KernelSession } from '../../src/kernel/session.ts';
import { type Environment, readEnvironment } from '../../src/system/environment.ts';
import { rejection } from '../support/rejection.ts';
import { thrownBy } from '../support/thrown.ts';

function machine(platform: NodeJS.Platform, variables: Record<string, string> = {}): Environment {
  return { ...readEnvironment(), platform, userHome: '/home/ann', variables };
}

describe('folders', () => {
  const rows: readonly (readonly [NodeJS.Platform, Record<string, string>, string])[] = [
    ['linux', {}, '/home/ann/.local/share/jupyter'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/jupyter'],
    ['linux', { JUPYTER_DATA_DIR: '/own' }, '/own'],
    ['darwin', {}, '/home/ann/Library/Jupyter'],
    ['darwin', { JUPYTER_PLATFORM_DIRS: '1' }, '/home/ann/Library/Application Support/Jupyter'],
    ['win32', { APPDATA: '/roaming' }, '/roaming/jupyter'],
    ['win32', { LOCALAPPDATA: '/local', JUPYTER_PLATFORM_DIRS: '1' }, '/local/Jupyter'],
  ];
  test.each(rows)(
    'on %s with %j the data is in %s, and connection files in its runtime',
    (platform, variables, wanted) => {
      expect(dataFolder(machine(platform, variables))).toBe(wanted);
      expect(runtimeFolder(machine(platform, variables))).toBe(join(wanted, 'runtime'));
    },
  );

  test('a runtime folder of its own wins', () => {
    expect(runtimeFolder(machine('linux', { JUPYTER_RUNTIME_DIR: '/run/j' }))).toBe('/run/j');
  });

  test('specs of a virtual environment come before the user’s, those of the system last', () => {
    const venv = { prefix: '/venv', userBase: '/home/ann/.local', virtual: true };
    const system = { prefix: '/opt/py', userBase: '/home/ann/.local', virtual: false };
    expect(specFolders(machine('linux', { JUPYTER_PATH: '/a:/b' }), [venv, system])).toEqual([
      '/a/kernels',
      '/b/kernels',
      '/venv/share/jupyter/kernels',
      '/home/ann/.local/share/jupyter/kernels',
      '/opt/py/share/jupyter/kernels',
      '/usr/local/share/jupyter/kernels',
      '/usr/share/jupyter/kernels',
      '/home/ann/.ipython/kernels',
    ]);
  });
});

describe('kernelspecs', () => {
  let folder: string;
  let environment: Environment;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ipc-specs-'));
    environment = {
      ...readEnvironment(),
      userHome: folder,
      variables: { PATH: '/usr/bin:/bin', HOME: folder, JUPYTER_PATH: folder, PLACE: '/there' },
    };
    spec('Mine', {
      argv: [
        '/bin/sh',
        '-c',
        'echo "no such kernel" >&2; exit 3',
        '{connection_file}',
        '{resource_dir}',
        '{unknown}',
      ],
      env: { WHERE: '${PLACE}/lib', NOWHERE: '${NOTHING}' },
      interrupt_mode: 'message',
      display_name: 'Mine',
      language: 'shell',
    });
    spec('pythonic', { argv: ['python3', '-V'], display_name: 'P', language: 'python' });
    spec('broken', '{');
    spec('wordless', { argv: [] });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function spec(name: string, json: unknown): void {
    mkdirSync(join(folder, 'kernels', name), { recursive: true });
    const text = typeof json === 'string' ? json : JSON.stringify(json);
    writeFileSync(join(folder, 'kernels', name, 'kernel.json'), text);
  }

  test('are found without regard to case; a broken one hides nothing', async () => {
    const found = await findSpecs(environment);
    const names = found.specs.map(({ name }) => name);
    expect(names).toContain('Mine');
    expect(names).not.toContain('broken');
    expect(names).not.toContain('wordless');
    expect(specNamed(found, 'mine')).toMatchObject({
      name: 'Mine',
      interruptMode: 'message',
      language: 'shell',
    });
    expect(String(thrownBy(() => specNamed(found, 'pythonik')))).toContain('pythonic');
  });

  test('come to a command with its places filled in and a real Python', async () => {
    const found = await findSpecs(environment);
    const where = { pythons: found.pythons, environment };
    const mine = commandOf(specNamed(found, 'mine'), '/c.json', where);
    expect(mine.argv.slice(3)).toEqual(['/c.json', join(folder, 'kernels', 'Mine'), '{unknown}']);
    expect(mine.env).toEqual({ WHERE: '/there/lib', NOWHERE: '' });
    const [python = ''] = commandOf(specNamed(found, 'pythonic'), '/c.json', where).argv;
    expect(python === 'python3' || existsSync(python)).toBe(true);
  });

  test('a program that ends at once is told by its last words, and leaves no trace (K13)', async () => {
    const found = await findSpecs(environment);
    const info = privateConnection('mine', join(folder, 'sockets'));
    const connectionFile = join(folder, 'kernel-ipc-x.json');
    writeConnectionFile(connectionFile, info);
    expect(String(thrownBy(() => writeConnectionFile(connectionFile, info)))).toContain(
      "another kernel's file",
    );
    const launched = launchKernel({
      ...found,
      spec: specNamed(found, 'mine'),
      environment,
      connectionFile,
      directory: folder,
      log: join(folder, 'kernel.log'),
    });
    const opening = KernelSession.open(info, { username: 'ann', starting: launched.exited });
    expect(String(await rejection(opening))).toContain('it ended with 3; its last words:\nno such kernel');
    removeTraces(connectionFile, info);
    expect(existsSync(connectionFile)).toBe(false);
  });

  test('a key is never the same, and is not what system 001 published (K11)', () => {
    const keys = Array.from({ length: 20 }, () => freeConnection('x').key);
    expect(new Set(keys).size).toBe(20);
  });

  test('a folder too long for a socket is refused', () => {
    expect(String(thrownBy(() => privateConnection('x', join(folder, 'x'.repeat(100)))))).toContain(
      'a shorter folder',
    );
  });
});
