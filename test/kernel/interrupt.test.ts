/** The interrupt table of the measurements (kernels.md §3.2), row by row, on a real kernel. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Interrupted } from '../../src/kernel/interrupt.ts';
import type { KernelSession } from '../../src/kernel/session.ts';
import { until } from '../support/until.ts';
import { run } from './cells.ts';
import { missing, type RealKernel, realKernel } from './real-kernel.ts';

interface Row {
  readonly running: string;
  readonly code: string;
  readonly by: readonly Interrupted['by'][];
  readonly error: string;
}

const rows: readonly Row[] = [
  { running: 'a loop', code: 'go()\nwhile True: pass', by: ['message'], error: 'KeyboardInterrupt' },
  {
    running: 'time.sleep',
    code: 'import time\ngo()\ntime.sleep(60)',
    by: ['message'],
    error: 'KeyboardInterrupt',
  },
  {
    running: 'a join of a thread',
    code: 'import threading, time\nt = threading.Thread(target=lambda: time.sleep(3), daemon=True)\nt.start()\ngo()\nt.join()',
    by: ['message'],
    error: 'KeyboardInterrupt',
  },
  {
    running: 'subprocess.run',
    code: 'import subprocess\ngo()\nsubprocess.run(["sleep", "60"])',
    // It first waits a quarter of a second for the child to end: on a busy machine the next rung is reached.
    by: ['message', 'poke'],
    error: 'KeyboardInterrupt',
  },
  {
    running: 'await asyncio.sleep, which the message alone does not stop',
    code: 'import asyncio\ngo()\nawait asyncio.sleep(60)',
    by: ['poke'],
    error: 'CancelledError',
  },
];

describe.skipIf(missing !== undefined)('interrupt', () => {
  let kernel: RealKernel;
  let session: KernelSession;
  beforeAll(async () => {
    kernel = await realKernel();
    session = await kernel.attach();
    await run(session, 'def go(): print("going", flush=True)');
  }, 30_000);
  afterAll(async () => await kernel[Symbol.asyncDispose]());

  test.each(rows)(
    'stops $running',
    async ({ code, by, error }) => {
      const cell = session.execute({ code, owner: 'bob' });
      await until(() => cell.view.items.length > 0, 'the cell to be under way');
      const found = await session.interrupt();
      await cell.wait(5_000);
      process.stderr.write(`interrupt: by ${found.by} in ${found.milliseconds} ms\n`);
      expect(found).toMatchObject({ stopped: true, cell: { username: 'bob' } });
      expect(by).toContain(found.by);
      expect(cell.view.end).toMatchObject({ kind: 'error', name: expect.stringMatching(error) });
    },
    20_000,
  );

  test('stops input() that nobody answers', async () => {
    const cell = session.execute({ code: 'input("?")', owner: 'bob', allowInput: true });
    await until(() => cell.view.asks !== undefined, 'its question');
    expect(await session.interrupt()).toMatchObject({ stopped: true });
    await cell.ended;
    expect(cell.view.asks).toBeUndefined();
  }, 20_000);

  test('says so where code swallows it, and that a restart would end it', async () => {
    const code =
      'import time\nstop = False\ngo()\nend = time.time() + 3\nwhile time.time() < end:\n    try: time.sleep(60)\n    except KeyboardInterrupt: pass';
    const cell = session.execute({ code, owner: 'bob' });
    await until(() => cell.view.items.length > 0, 'the cell to be under way');
    const found = await session.interrupt();
    expect(found).toMatchObject({ stopped: false, by: undefined });
    expect(found.words).toContain('a restart ends it');
    expect(cell.state).toBe('running');
    await until(
      async () => {
        await session.interrupt();
        return cell.state === 'ended';
      },
      'the cell to see that its time is up',
      15_000,
    );
  }, 30_000);

  test('with nothing running says that, and breaks nothing', async () => {
    expect(await session.interrupt()).toMatchObject({
      stopped: true,
      by: undefined,
      words: 'nothing runs in the kernel',
    });
    expect((await run(session, '1')).end).toEqual({ kind: 'ok' });
  }, 20_000);
});
