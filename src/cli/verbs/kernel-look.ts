/** `ipc kernel status|variables|inspect|complete|history`: looking, also while a cell runs. */
import { executionsText } from '../../present/execution.ts';
import { inspectedText, kernelStatusText, variablesText } from '../../present/kernels.ts';
import type { AgentName } from '../../protocol/names.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { FromTable, Spec, Verb } from '../verb.ts';
import { kernelName } from './kernel-run.ts';

const statusTable = fromTable('kernel.status');
const variablesTable = fromTable('kernel.variables', ['limit']);
const inspectTable = fromTable('kernel.inspect', ['most']);
const completeTable = fromTable('kernel.complete', ['cursor']);
const historyTable = fromTable('kernel.history', ['search', 'limit']);

function specOf(
  verb: string,
  table: FromTable,
  rest: Pick<Spec, 'usage' | 'words' | 'examples'> & { readonly fields?: Readonly<Record<string, string>> },
): Spec {
  const { fields, ...shape } = rest;
  return {
    ...shape,
    name: `kernel ${verb}`,
    summary: table.summary,
    group: 'kernels',
    flags: table.flags,
    operations: { [table.operation]: { kernel: 'first word', ...fields } },
  };
}

/** Without a word the only kernel there is. */
function named(call: Call): { kernel?: AgentName } {
  const [word] = call.words;
  return word === undefined ? {} : { kernel: kernelName(word) };
}

export const status: Verb = {
  spec: specOf('status', statusTable, {
    usage: '[kernel]',
    words: { min: 0, max: 1 },
    examples: [['ipc kernel status py', 'heartbeat, whose cell runs, memory']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const found = await session.operations['kernel.status'](named(call));
    await call.print(found, (look) => kernelStatusText(found, look));
  },
};

export const variables: Verb = {
  spec: specOf('variables', variablesTable, {
    usage: '[kernel]',
    words: { min: 0, max: 1 },
    examples: [['ipc kernel variables py', 'names, types and values, while a cell runs too']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.variables'>(variablesTable, call.values), ...named(call) };
    const found = await session.operations['kernel.variables'](wish);
    await call.print(found, ({ style }) => variablesText(found, style));
  },
};

export const inspect: Verb = {
  spec: specOf('inspect', inspectTable, {
    usage: '<kernel> <variable>',
    words: { min: 2, max: 2 },
    examples: [['ipc kernel inspect py df', 'as the kernel would show it']],
    fields: { variable: 'second word' },
  }),
  run: async (call) => {
    const [, variable = ''] = call.words;
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.inspect'>(inspectTable, call.values), ...named(call), variable };
    const found = await session.operations['kernel.inspect'](wish);
    await call.print(found, () => inspectedText(found));
  },
};

export const complete: Verb = {
  spec: specOf('complete', completeTable, {
    usage: '<kernel> <code>',
    words: { min: 2 },
    examples: [['ipc kernel complete py df.des', 'one match a line']],
    fields: { code: 'words' },
  }),
  run: async (call) => {
    const [, ...words] = call.words;
    await using session = await call.open();
    const flags = inputOf<'kernel.complete'>(completeTable, call.values);
    const found = await session.operations['kernel.complete']({
      ...flags,
      ...named(call),
      code: words.join(' '),
    });
    await call.print(found, () => found.matches.map((match) => `${match}\n`).join(''));
  },
};

export const history: Verb = {
  spec: specOf('history', historyTable, {
    usage: '[kernel]',
    words: { min: 0, max: 1 },
    examples: [['ipc kernel history py --search train', 'newest first, with whose cell it was']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.history'>(historyTable, call.values), ...named(call) };
    const found = await session.operations['kernel.history'](wish);
    await call.print(found, ({ style }) => executionsText(found, style));
  },
};
