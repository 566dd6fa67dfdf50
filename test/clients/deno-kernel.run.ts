/** A kernel that stands on neither Python nor libzmq: Deno's, from npm, with ZMTP 3.0 of its own. */
import { expect } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeConnectionFile } from '../../src/kernel/connection-info.ts';
import { freeConnection } from '../../src/kernel/launch.ts';
import { KernelSession } from '../../src/kernel/session.ts';
import { outline, run } from '../kernel/cells.ts';
import { until } from '../support/until.ts';
import { realProgram } from './installed.ts';

const { command, realTest } = await realProgram('deno');

realTest('Deno: streams, results, errors, order, and an interrupt that does not kill it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipc-deno-'));
  const info = freeConnection('deno');
  const file = join(folder, 'kernel-ipc-deno.json');
  writeConnectionFile(file, info);
  const child = Bun.spawn([command, 'jupyter', '--kernel', '--conn', file], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    stdout: 'ignore',
    stderr: 'ignore',
  });
  const starting = child.exited.then((code) => `it ended with ${code}`);
  const session = await KernelSession.open(info, {
    username: 'tester',
    withinMs: 30_000,
    connectionFile: file,
    starting,
  });
  try {
    expect(session.kernel).toMatchObject({ implementation: 'Deno kernel', language: 'typescript' });
    // Its first result was once seen to come after the cell had ended.
    const { id } = await run(session, '6 * 7');
    await until(() => outline(session.cell(id)?.view ?? { items: [] }).includes('result: 42'), 'the result');
    const both = await run(session, 'console.log("out"); console.error("err")');
    expect(outline(both)).toEqual(['stdout: out\n', 'stderr: err\n']);
    expect((await run(session, 'throw new Error("x")')).end).toEqual({
      kind: 'error',
      name: 'Error',
      value: 'x',
    });
    const cells = Array.from({ length: 50 }, (_, at) => session.execute({ code: `${at} + 0`, owner: 'bob' }));
    await Promise.all(cells.map((cell) => cell.ended));
    expect(cells.map((cell) => outline(cell.view))).toEqual(cells.map((_, at) => [`result: ${at}`]));

    // Neither a message nor a poke stops its cell (nor is that cell ever answered then); SIGINT would end it whole.
    const slow = session.execute({ code: 'console.log("going"); await new Promise(() => {})', owner: 'bob' });
    await until(() => slow.view.items.length > 0, 'the cell to be under way');
    const interrupted = await session.interrupt();
    expect(interrupted.stopped).toBe(false);
    expect(interrupted.words).toContain('SIGINT would end it');
    expect((await session.status()).heartbeat).toBeNumber();
  } finally {
    // npm's command is a wrapper, which leaves the kernel behind when it is killed.
    const pid = await session.pid();
    session.close();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  }
});
