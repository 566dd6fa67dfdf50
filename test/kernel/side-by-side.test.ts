/** Jupyter's own client and ours on one kernel: the same outputs, shared state, and each one's cells its own. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { CellOutput } from '../../src/kernel/output/cell-output.ts';
import { factsOf, list } from '../../src/kernel/message.ts';
import type { KernelSession } from '../../src/kernel/session.ts';
import { until } from '../support/until.ts';
import { outline, run, streamText } from './cells.ts';
import { type PythonCell, pythonClient, type PythonClient } from './python-client.ts';
import { missing, type RealKernel, realKernel } from './real-kernel.ts';

const corpus: readonly (readonly [string, string])[] = [
  ['a result', '1 + 1'],
  ['nothing', 'x = 1'],
  ['both streams', 'import sys\nprint("out")\nprint("err", file=sys.stderr)'],
  ['unicode', 'print("naïve 日本 😀 \\u0301")\n"é😀"'],
  ['an error after output', 'print("before")\n1/0'],
  ['a syntax error', 'def ('],
  ['a display', 'from IPython.display import display, HTML, Markdown\ndisplay(HTML("<b>bold</b> text"))'],
  ['several displays and a result', 'display(1)\ndisplay(Markdown("**x**"))\n3'],
  ['an updated display', 'h = display("one", display_id="d1")\nh.update("two")'],
  ['clear_output', 'from IPython.display import clear_output\nprint("a")\nclear_output()\nprint("b")'],
  ['clear_output that waits', 'print("a")\nclear_output(wait=True)\nprint("b")'],
  ['a progress bar', 'for i in range(30): print(f"\\r{i:3d}%", end="", flush=True)'],
  // A thread of the kernel passes it on: it is this cell's only if the cell gives it the time.
  ['a shell command', 'import os, time\n_ = os.system("echo from the shell")\ntime.sleep(0.5)'],
  ['a line of shell', '!echo bang'],
  ['a magic', '%who_ls int'],
  ['a cell magic', '%%capture kept\nprint("hidden")'],
  ['help', 'len?'],
  ['a long repr', 'list(range(2000))'],
  ['many lines', 'for i in range(3000): print(i)'],
  [
    'a thread that prints',
    'import threading\nt = threading.Thread(target=lambda: print("thread"))\nt.start(); t.join()',
  ],
  ['colours', 'print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07plain")'],
  ['a plot', '%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);'],
  ['a warning', 'import warnings\nwarnings.warn("careful")'],
  ['an await', 'import asyncio\nawait asyncio.sleep(0)\n"awaited"'],
];

describe.skipIf(missing !== undefined)('beside jupyter_client', () => {
  let kernel: RealKernel;
  let session: KernelSession;
  let python: PythonClient;
  beforeAll(async () => {
    kernel = await realKernel();
    session = await kernel.attach();
    python = await pythonClient(kernel.file);
  }, 60_000);
  afterAll(async () => {
    await python[Symbol.asyncDispose]();
    await kernel[Symbol.asyncDispose]();
  });

  test.each(corpus)('%s is the same for both', async (_name, code) => {
    const [theirs] = await python.run([code]);
    const ours = await run(session, code);
    expect(outline(ours).map(stable)).toEqual(
      theirs === undefined ? [] : outline({ items: itemsOf(theirs) }).map(stable),
    );
    expect(ours.end?.kind).toBe(theirs?.reply['status'] === 'ok' ? 'ok' : 'error');
  });

  test('both at once: state is shared, no cell lost, none mixed, each sees whose is whose', async () => {
    await run(session, 'shared = []');
    const numbers = Array.from({ length: 40 }, (_, at) => at);
    const cells = numbers.map((at) =>
      session.execute({ code: `shared.append("ours ${at}"); print("ours ${at}")`, owner: 'bob' }),
    );
    const [theirs] = await Promise.all([
      python.run(numbers.map((at) => `shared.append("theirs ${at}"); print("theirs ${at}")`)),
      ...cells.map((cell) => cell.ended),
    ]);
    expect(cells.map((cell) => streamText(cell.view))).toEqual(numbers.map((at) => `ours ${at}\n`));
    expect(theirs.map((cell) => streamText({ items: itemsOf(cell) }))).toEqual(
      numbers.map((at) => `theirs ${at}\n`),
    );
    expect(outline(await run(session, 'len(shared)'))).toEqual(['result: 80']);

    const seenByUs = session.others.filter((cell) => cell.session === python.session);
    await until(() => seenByUs.every(({ code }) => code !== undefined), 'their code');
    const last = seenByUs.slice(-40).map((cell) => streamText(cell));
    expect(last).toEqual(numbers.map((at) => `theirs ${at}\n`));
    const [probe] = await python.run(['1']);
    const ofBob = [...theirs, ...(probe === undefined ? [] : [probe])]
      .flatMap(({ others }) => others)
      .filter(([kind, user]) => kind === 'execute_input' && user === 'bob')
      .filter(([, , { code }]) => String(code).startsWith('shared.append'));
    expect(ofBob.length).toBe(40);
  }, 30_000);

  test('a cell of the other client can be interrupted, and is named as whose it is (K1)', async () => {
    const theirs = python.run(['import time\ntime.sleep(60)']);
    await until(
      async () => (await session.status()).busyFor?.session === python.session,
      'their cell to run',
    );
    expect(await session.interrupt()).toMatchObject({ stopped: true, cell: { session: python.session } });
    expect((await theirs)[0]?.reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
  }, 20_000);

  test('1 + 1 is as quick for us as for it, in turns on one kernel', async () => {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 50; at += 1) {
        const begun = performance.now();
        await session.execute({ code: '1 + 1', owner: 'bob' }).ended;
        ours.push(performance.now() - begun);
      }
      theirs.push(...(await python.run(Array.from({ length: 50 }, () => '1 + 1'))).map(({ took }) => took));
    }
    process.stderr.write(
      `1 + 1 to idle: ours ${median(ours).toFixed(2)} ms, jupyter_client ${median(theirs).toFixed(2)} ms\n`,
    );
    expect(median(ours)).toBeLessThan(median(theirs) * 3);
  }, 30_000);
});

function itemsOf(cell: PythonCell) {
  const output = new CellOutput();
  for (const [kind, content] of cell.heard) output.add(kind, content);
  for (const page of list(cell.reply['payload'])) output.page(factsOf(factsOf(page)['data']));
  output.end();
  return output.items;
}

/** Addresses and counts differ from run to run. */
function stable(text: string): string {
  return text.replaceAll(/0x[0-9a-f]+|In \[\d+\]|ipykernel_\d+\/\d+/g, '');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
