/** Whose a live kernel is, by the program that started it: nobody runs code in a person's next console by mistake. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKernels, isAlive } from '../../src/kernel/discover.ts';
import { readEnvironment } from '../../src/system/environment.ts';
import { until } from '../support/until.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ipc-origins-'));
  await mkdir(join(folder, 'runtime'));
});
afterEach(async () => {
  for (const name of await readdir(join(folder, 'pids'))) process.kill(Number(name), 'SIGKILL');
  await rm(folder, { recursive: true });
});

const CODE = `
  const { fakeKernel, honest } = await import(${JSON.stringify(`${import.meta.dir}/fake-kernel.ts`)});
  const { writeConnectionFile } = await import(${JSON.stringify(`${import.meta.dir}/../../src/kernel/connection-info.ts`)});
  const { info } = fakeKernel({ on: honest });
  writeConnectionFile(process.argv.at(-1), info);
`;

/** A program of this name with kernels below it, whose connection files are called so; or, ended, above none. */
async function program(name: string, files: readonly string[], { ends = false } = {}): Promise<void> {
  const path = join(folder, name);
  const pids = join(folder, 'pids');
  const paths = files.map((file) => join(folder, 'runtime', file));
  const each = paths.map((file) => `"$BUN" -e "$CODE" ${file} </dev/null &\n: >${pids}/$!`);
  // Known by the files of their pids, and ended by them.
  const body = ends ? each : [`: >${pids}/$$`, ...each, 'wait'];
  await mkdir(pids, { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body.join('\n')}\n`);
  const child = Bun.spawn(['/bin/sh', path], {
    // A Bun that inherits what `bun test --no-orphans` sets ends with the shell that started it, if that is slow to end.
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: '0', BUN: process.execPath, CODE },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  });
  if (ends) await child.exited;
  for (const file of paths) await until(() => isAlive(file), `a kernel at ${file}`);
}

async function origins(): Promise<Readonly<Record<string, string>>> {
  const environment = { ...readEnvironment(), variables: { JUPYTER_RUNTIME_DIR: join(folder, 'runtime') } };
  const found = await findKernels(environment);
  return Object.fromEntries(found.map(({ file, origin }) => [file.slice(file.lastIndexOf('/') + 1), origin]));
}

test.skipIf(!existsSync('/proc/self/stat'))('by its ancestors', async () => {
  await program('jupyter-lab', ['kernel-notebook.json']);
  await program('code-server', ['kernel-editor.json']);
  await program('spyder', ['kernel-shown.json', 'kernel-next.json']);
  const later = new Date(Date.now() + 5_000);
  await utimes(join(folder, 'runtime/kernel-next.json'), later, later);
  await program('something', ['kernel-4711.json'], { ends: true });
  expect(await origins()).toEqual({
    'kernel-notebook.json': 'jupyter server',
    'kernel-editor.json': 'vscode',
    'kernel-shown.json': 'spyder console',
    'kernel-next.json': 'spyder spare',
    'kernel-4711.json': 'unknown',
  });
});

test('by the name of its file where its program is not to be seen; dead and broken files are nobody', async () => {
  await program('something', ['kernel-0123456789ab.json', 'kernel-v2-4711abc.json'], { ends: true });
  await writeFile(join(folder, 'runtime/kernel-broken.json'), '{"ip":');
  await mkdir(join(folder, 'runtime/kernel-folder.json'));
  expect(await origins()).toEqual({
    'kernel-0123456789ab.json': 'spyder console',
    'kernel-v2-4711abc.json': 'vscode',
  });
  expect(await isAlive(join(folder, 'runtime/kernel-broken.json'))).toBe(false);
});
