/** `ipc kernel run|result|input`: cells, waited for as long as one likes. */
import { awaited, executed } from '../../mcp/follow-execution.ts';
import { aboutExecution, isOver, outputText } from '../../present/execution.ts';
import { visible } from '../../present/escape.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Execution } from '../../protocol/execution.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import { kernelName } from '../kernel/verb.ts';
import { readStdin } from '../stdin.ts';
import { inputOf } from '../values.ts';
import type { Spec, Verb } from '../verb.ts';

const executeTable = fromTable('kernel.execute', ['wait:duration', 'most', 'askInput', 'notify']);
const resultTable = fromTable('kernel.result', ['wait:duration', 'most', 'from', 'bytes']);
const inputTable = fromTable('kernel.input');

const NOTIFY = { name: 'notify-on-end', field: 'notify' };
const executeFlags = executeTable.flags.map((flag) =>
  flag.field === 'notify' ? { ...flag, ...NOTIFY } : flag,
);

const spec: Spec = {
  name: 'kernel run',
  summary: executeTable.summary,
  usage: '<kernel> <code… | ->',
  group: 'kernels',
  words: { min: 2 },
  flags: executeFlags,
  examples: [
    ['ipc kernel run py "df.describe()"', 'the output on stdout; exit 1 when the cell fails'],
    ['ipc kernel run py - < train.py', 'code from stdin'],
    ['ipc kernel run py "train()" --wait 5 --notify-on-end bob', 'exit 124 while it runs on; bob is told'],
  ],
  notes: 'A cell goes on when nobody waits any more: Ctrl-C leaves it, ipc kernel interrupt stops it.',
  operations: { 'kernel.execute': { kernel: 'first word', code: 'words' } },
};

async function run(call: Call): Promise<number> {
  const [kernel = '', ...words] = call.words;
  const code = words.length === 1 && words[0] === '-' ? await codeFromStdin(call) : words.join(' ');
  await using session = await call.open();
  using interrupt = interruptible();
  const flags = inputOf<'kernel.execute'>(executeTable, call.values);
  let latest: Execution | undefined;
  const waiting = { signal: interrupt.signal, still: (execution: Execution) => (latest = execution) };
  try {
    const input = { ...flags, kernel: kernelName(kernel), code };
    return await shown(call, await executed(session.operations, input, waiting));
  } catch (error) {
    // In the first seconds nobody has told its id yet.
    if (interrupt.signal.aborted)
      call.output.say(
        latest === undefined
          ? `it runs on: ipc kernel history ${kernel} has its id, ipc kernel interrupt ${kernel} stops it`
          : `${latest.id} runs on: ipc kernel result ${latest.id}, ipc kernel interrupt ${latest.kernel}`,
      );
    throw error;
  }
}

async function codeFromStdin(call: Call): Promise<string> {
  const piped = await readStdin(call.spec.name);
  if ('text' in piped) return piped.text;
  throw new Failure('too_large', 'wanted code of at most 64 KiB on stdin; import the rest from a file', {
    hint: 'ipc help kernel run',
  });
}

async function shown(call: Call, execution: Execution): Promise<number> {
  await call.print(execution, () => outputText(execution));
  if (!call.json) {
    if (execution.stderr !== '') call.output.complain(visible(execution.stderr).trimEnd());
    for (const line of aboutExecution(execution, call.output.errorStyle)) call.output.say(line);
  }
  if (!isOver(execution)) return 124;
  return execution.state === 'ok' ? 0 : 1;
}

export const runCode: Verb = { spec, run };

export const execute: Verb = {
  spec: {
    ...spec,
    name: 'kernel execute',
    examples: [['ipc kernel execute py "1+1"', 'the same as kernel run']],
  },
  run,
};

export const result: Verb = {
  spec: {
    name: 'kernel result',
    summary: resultTable.summary,
    usage: '<id>',
    group: 'kernels',
    words: { min: 1, max: 1 },
    flags: resultTable.flags,
    examples: [
      ['ipc kernel result py-12 --wait 60', 'what it has shown by then'],
      ['ipc kernel result py-12 --from 0', 'the beginning of all it printed'],
    ],
    operations: { 'kernel.result': { id: 'first word' } },
  },
  run: async (call) => {
    const [id = ''] = call.words;
    await using session = await call.open();
    using interrupt = interruptible();
    const { signal } = interrupt;
    const flags = inputOf<'kernel.result'>(resultTable, call.values);
    const first = await session.operations['kernel.result']({ ...flags, id, wait: 0 }, { signal });
    if (first.part !== undefined) {
      await call.print(first, () => visible(first.part ?? ''));
      return 0;
    }
    const wish = { seconds: flags.wait ?? 0, most: flags.most, signal, still: () => undefined };
    return await shown(call, await awaited(session.operations, first, wish));
  },
};

export const input: Verb = {
  spec: {
    name: 'kernel input',
    summary: inputTable.summary,
    usage: '<id> <text…>',
    group: 'kernels',
    words: { min: 2 },
    flags: [],
    examples: [['ipc kernel input py-12 yes', 'the cell goes on']],
    operations: { 'kernel.input': { id: 'first word', value: 'words' } },
  },
  run: async (call) => {
    const [id = '', ...words] = call.words;
    await using session = await call.open();
    const answered = await session.operations['kernel.input']({ id, value: words.join(' ') });
    await call.tell(answered, () => `${id} has its answer\n`);
  },
};
