/** A session on a real kernel: what agents and a person would see of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { statSync } from 'node:fs';
import type { KernelSession } from '../../src/kernel/session.ts';
import { findKernels } from '../../src/kernel/discover.ts';
import { portOwner } from '../../src/kernel/kernel-process.ts';
import { readEnvironment } from '../../src/system/environment.ts';
import { rejection } from '../support/rejection.ts';
import { until } from '../support/until.ts';
import { outline, run, streamText, textOf } from './cells.ts';
import { missing, type RealKernel, realKernel } from './real-kernel.ts';

describe.skipIf(missing !== undefined)('on a live kernel', () => {
  let kernel: RealKernel;
  let session: KernelSession;
  beforeAll(async () => {
    kernel = await realKernel();
    session = await kernel.attach();
  }, 30_000);
  afterAll(async () => await kernel[Symbol.asyncDispose]());

  test('its connection file is for its owner alone, with a random key', () => {
    expect(statSync(kernel.file).mode & 0o777).toBe(0o600);
    expect(kernel.info.key.length).toBeGreaterThan(40);
  });

  test('it says what it is, and a second client is ready in well under a second (K14)', async () => {
    expect(session.kernel).toMatchObject({ implementation: 'ipython', language: 'python' });
    const begun = performance.now();
    const other = await kernel.attach();
    const took = performance.now() - begun;
    process.stderr.write(`attach to ready: ${took.toFixed(1)} ms\n`);
    expect(took).toBeLessThan(500);
    other.close();
  });

  test('output before an error and the traceback are kept, without colours (K4, K6)', async () => {
    const view = await run(session, 'print("before")\n1/0');
    expect(outline(view)).toEqual(['stdout: before\n', 'error: ZeroDivisionError: division by zero']);
    const [, error] = view.items;
    expect(error === undefined ? '' : textOf(error)).toContain('----> 2 1/0');
    expect(JSON.stringify(view)).not.toContain(String.raw`\u001b`);
    expect(view.end).toEqual({ kind: 'error', name: 'ZeroDivisionError', value: 'division by zero' });
  });

  test('stdout and stderr are apart, and not a blank is lost (K8)', async () => {
    const view = await run(
      session,
      'import sys\nprint("  a\\n\\n b ", end="")\nsys.stdout.flush()\nprint("e", file=sys.stderr)',
    );
    expect(streamText(view)).toBe('  a\n\n b ');
    expect(streamText(view, 'stderr')).toBe('e\n');
  });

  test('a plot comes back as an image (K5)', async () => {
    const view = await run(session, '%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);');
    const images = view.items.flatMap((item) => (item.kind === 'display' ? item.images : []));
    expect(images.map(({ mime }) => mime)).toEqual(['image/png']);
    expect(Buffer.from(images[0]?.bytes.subarray(1, 4) ?? []).toString()).toBe('PNG');
  });

  test('a progress bar is one line, and a display is updated in its place', async () => {
    const bar = await run(session, 'for i in range(50): print(f"\\r{i}%", end="", flush=True)');
    expect(outline(bar)).toEqual(['stdout: 49%']);
    const shown = await run(
      session,
      'h = display("one", display_id=True)\nprint("between")\nh.update("two")',
    );
    expect(outline(shown)).toEqual(["display: 'two'", 'stdout: between\n']);
  });

  test('`clear_output` wipes, `?` shows its page', async () => {
    const view = await run(
      session,
      'from IPython.display import clear_output\nprint("gone")\nclear_output(wait=True)\nprint("here")',
    );
    expect(outline(view)).toEqual(['stdout: here\n']);
    expect(outline(await run(session, 'len?'))[0]).toStartWith('page: Signature: len(obj, /)');
  });

  test('`input()` is refused at once unless allowed, and then answered (K7)', async () => {
    const refused = await run(session, 'input("name? ")');
    expect(refused.end).toMatchObject({ kind: 'error', name: 'StdinNotImplementedError' });
    const cell = session.execute({ code: 'print("hello", input("name? "))', owner: 'bob', allowInput: true });
    await until(() => cell.view.asks !== undefined, 'its question');
    expect(cell.view.asks).toEqual({ prompt: 'name? ', password: false });
    expect(cell.answer('ann')).toBe(true);
    await cell.ended;
    expect(streamText(cell.view)).toBe('hello ann\n');
  });

  test('what a thread prints after the end belongs to its cell', async () => {
    const view = await run(session, 'import threading\nthreading.Timer(0.1, lambda: print("late")).start()');
    expect(view.items).toEqual([]);
    await until(() => (session.cell(view.id)?.view.items.length ?? 0) > 0, 'the late line');
    const cell = session.cell(view.id);
    expect(cell === undefined ? '' : streamText(cell.view)).toBe('late\n');
  });

  test('answers are never off by one: a hundred cells of two owners, each its own (K3)', async () => {
    const cells = Array.from({ length: 100 }, (_, at) =>
      session.execute({ code: `print(${at})`, owner: at % 2 === 0 ? 'bob' : 'nessa' }),
    );
    await Promise.all(cells.map((cell) => cell.ended));
    expect(cells.map((cell) => streamText(cell.view))).toEqual(cells.map((_, at) => `${at}\n`));
  });

  test('owners take turns: one cell does not wait for a hundred of another', async () => {
    const hold = session.execute({ code: 'import time; time.sleep(0.2)', owner: 'bob' });
    const many = Array.from({ length: 20 }, () => session.execute({ code: '1', owner: 'bob' }));
    const one = session.execute({ code: 'print("mine")', owner: 'nessa' });
    expect(session.queued.map(({ wish }) => wish.owner).slice(0, 3)).toEqual(['bob', 'nessa', 'bob']);
    await one.ended;
    expect(many.filter(({ state }) => state === 'queued').length).toBeGreaterThan(15);
    await Promise.all([hold, ...many].map((cell) => cell.ended));
  });

  test('an error of one aborts nobody else', async () => {
    const fails = session.execute({ code: '1/0', owner: 'bob' });
    const goes = session.execute({ code: 'print("went")', owner: 'nessa' });
    await goes.ended;
    expect(fails.view.end?.kind).toBe('error');
    expect(streamText(goes.view)).toBe('went\n');
  });

  test('variables and one of them are seen in milliseconds while a cell runs', async () => {
    await run(session, 'answer = 42');
    const cell = session.execute({ code: 'import time\ntime.sleep(20)', owner: 'bob' });
    await until(() => cell.begun, 'the cell to begin');
    await session.peek.variables();
    const begun = performance.now();
    const variables = await session.peek.variables();
    const took = performance.now() - begun;
    process.stderr.write(`variables while a cell runs: ${took.toFixed(1)} ms\n`);
    expect(variables).toContainEqual({ name: 'answer', type: 'int', value: '42' });
    expect((await session.peek.inspect('answer')).text).toBe('42');
    expect(cell.state).toBe('running');
    expect((await session.status()).busyFor).toMatchObject({ cell: cell.id, username: 'bob' });
    await session.interrupt();
    await cell.ended;
    expect(took).toBeLessThan(200);
  });

  test('completion, help and history count in code points', async () => {
    const { matches, start, end } = await session.peek.complete('"😀😀".spli');
    expect([...matches]).toEqual(['split', 'splitlines']);
    expect('"😀😀".spli'.slice(start, end)).toBe('spli');
    expect((await session.peek.help('len'))?.text).toContain('Return the number of items');
    expect(await session.peek.isComplete('for i in x:')).toBe('incomplete');
    await run(session, '"in the history"');
    expect((await session.peek.history(1))[0]).toMatchObject({ code: '"in the history"' });
  });

  test('status tells facts: its process, its memory, its heart', async () => {
    const status = await session.status();
    expect(status.pid).toBe(kernel.launched.pid);
    expect(portOwner(kernel.info.ports.shell)).toBe(kernel.launched.pid);
    expect(status.heartbeat).toBeNumber();
    expect(status.control).toBeNumber();
    expect(status.memoryBytes).toBeGreaterThan(1_000_000);
    expect(status).toMatchObject({ state: { kind: 'ready' }, connected: true, queued: 0 });
  });

  test('it is found among the files, by its heart; a dead one and a broken file are not', async () => {
    await Bun.write(`${kernel.folder}/runtime/kernel-broken.json`, '{');
    const dead = JSON.stringify({ ...(await Bun.file(kernel.file).json()), hb_port: 1 });
    await Bun.write(`${kernel.folder}/runtime/kernel-1.json`, dead);
    const seen = readEnvironment();
    const variables = { ...seen.variables, JUPYTER_RUNTIME_DIR: `${kernel.folder}/runtime` };
    const found = await findKernels({ ...seen, variables });
    expect(found.map(({ file, origin, pid }) => ({ file, origin, pid }))).toEqual([
      { file: kernel.file, origin: 'ours', pid: kernel.launched.pid },
    ]);
    process.stderr.write(`heartbeat of a live kernel: ${found[0]?.heartbeat.toFixed(1)} ms\n`);
  });

  test('a wrong key is named as what it may be', async () => {
    const wrong = { ...kernel.info, key: 'another' };
    const failure = await rejection(kernel.attach({ withinMs: 600 }, wrong));
    expect(String(failure)).toContain('wrong key, or busy');
  });

  test('50 MB of output: all of it counted, little of it kept', async () => {
    let whole = 0;
    const own = await kernel.attach({
      sinkFor: () => ({ text: (_part, text) => (whole += text.length), cleared: () => (whole = 0) }),
    });
    const begun = performance.now();
    const view = await run(own, 'for i in range(50): print("x" * 1048575)');
    process.stderr.write(`50 MB of output: ${(performance.now() - begun).toFixed(0)} ms\n`);
    expect(whole).toBe(50 * 1_048_576);
    expect(streamText(view).length).toBeLessThan(40_000);
    expect(streamText(view)).toContain('characters left out');
    own.close();
  }, 20_000);
});

describe.skipIf(missing !== undefined)('a private kernel', () => {
  test('speaks over sockets in a folder of ours, and is found there', async () => {
    await using kernel = await realKernel({ transport: 'ipc' });
    const session = await kernel.attach();
    expect(outline(await run(session, '6 * 7'))).toEqual(['result: 42']);
    expect(statSync(`${kernel.folder}/sockets`).mode & 0o777).toBe(0o700);
    expect((await session.status()).pid).toBe(kernel.launched.pid);
  }, 20_000);
});
