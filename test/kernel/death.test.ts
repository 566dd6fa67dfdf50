/** The end of a kernel, told as it was: killed, shut down by its owner, told to exit, restarted. */
import { describe, expect, test } from 'bun:test';
import { KernelSession } from '../../src/kernel/session.ts';
import type { SessionEvent } from '../../src/kernel/session-options.ts';
import { thrownBy } from '../support/thrown.ts';
import { until } from '../support/until.ts';
import { outline, run, streamText } from './cells.ts';
import { missing, realKernel } from './real-kernel.ts';

describe.skipIf(missing !== undefined)('the end of a kernel', () => {
  test('killed while it runs a cell: seen at once, output kept, nothing runs in a new one unasked (K9)', async () => {
    await using kernel = await realKernel();
    const events: SessionEvent[] = [];
    const session = await kernel.attach({ event: (event) => events.push(event) });
    await run(session, 'x = 1');
    const running = session.execute({
      code: 'print("so far", flush=True)\nimport time; time.sleep(60)',
      owner: 'bob',
    });
    const waiting = session.execute({ code: 'print("never")', owner: 'nessa' });
    await until(() => streamText(running.view) !== '', 'its output');
    const begun = performance.now();
    process.kill(kernel.launched.pid, 'SIGKILL');
    await running.ended;
    process.stderr.write(`a killed kernel was seen after ${(performance.now() - begun).toFixed(1)} ms\n`);
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(running.view.end).toEqual({ kind: 'kernel gone', reason: 'its process ended' });
    expect(streamText(running.view)).toBe('so far\n');
    expect(waiting.view.end?.kind).toBe('never ran');
    expect((await session.status()).heartbeat).toBeUndefined();

    const again = await kernel.relaunch();
    await until(() => session.state.kind === 'replaced', 'the new kernel to answer', 20_000);
    expect(String(thrownBy(() => session.execute({ code: 'x', owner: 'bob' })))).toContain(
      'without its variables',
    );
    await session.resume({ pid: again.pid, withinMs: 20_000 });
    expect((await run(session, 'x')).end).toMatchObject({ kind: 'error', name: 'NameError' });
    expect(events.map(({ kind }) => kind).filter((kind) => /gone|replaced/.test(kind))).toEqual([
      'gone',
      'replaced',
    ]);
  }, 30_000);

  test('shut down by its owner: the other client is told by whom (K10)', async () => {
    await using kernel = await realKernel();
    const session = await kernel.attach();
    const owner = await kernel.attach({ username: 'ann' });
    expect(await owner.shutdown('ann')).toBe(true);
    await until(() => session.state.kind === 'gone', 'the end');
    expect(session.state).toMatchObject({ kind: 'gone', reason: 'its owner (ann) shut it down' });
    expect(owner.state).toMatchObject({ kind: 'gone', reason: 'ann shut it down' });
  }, 30_000);

  test('a cell that calls `exit` is named as what ended it', async () => {
    await using kernel = await realKernel();
    const session = await kernel.attach();
    const view = await run(session, 'exit', 'nessa');
    await until(() => session.state.kind === 'gone', 'the end');
    expect(view.notes.join(' ')).toContain('asked the kernel to exit');
    expect(session.state).toMatchObject({ reason: 'a cell of nessa told it to exit' });
  }, 30_000);

  test('closing a session leaves the kernel and its variables alone', async () => {
    await using kernel = await realKernel();
    const first = await kernel.attach();
    await run(first, 'kept = 7');
    first.close();
    const second = await kernel.attach();
    expect(outline(await run(second, 'kept'))).toEqual(['result: 7']);
  }, 30_000);

  test('a program that is no kernel is told by its last words', async () => {
    await using kernel = await realKernel();
    const session = await kernel.attach();
    session.close();
    process.kill(kernel.launched.pid, 'SIGKILL');
    await kernel.launched.exited;
    const dead = KernelSession.open(kernel.info, {
      username: 'tester',
      starting: Promise.resolve('it ended with 1'),
    });
    expect(String(await dead.catch((error: unknown) => error))).toContain('it ended with 1');
  }, 30_000);
});
