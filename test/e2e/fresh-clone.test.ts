/** What the README asks of a newcomer, on a machine with Node, npm, git and no Bun: clone, `./scripts/try`. */
import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');

/** The PATH without any folder that has a bun in it. */
function pathWithoutBun(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.filter((folder) => !existsSync(join(folder, 'bun'))).join(delimiter);
}

test('a fresh clone sets itself up and shows two agents talking', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-clone-'));
  try {
    const clone = Bun.spawnSync(['git', 'clone', '--quiet', ROOT, join(folder, 'ipc')]);
    expect(clone.stderr.toString()).toBe('');
    const child = Bun.spawn(['./scripts/try'], {
      cwd: join(folder, 'ipc'),
      // npm's own settings stay those of this machine: where its registry is reached is not ours to know.
      env: {
        ...process.env,
        HOME: process.env['IPC_TEST_USER_HOME'],
        PATH: pathWithoutBun(),
        IPC_HOME: join(folder, 'home'),
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(stdout).toContain('dist/ipc');
    expect(existsSync(join(folder, 'ipc/dist/ipc'))).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);
