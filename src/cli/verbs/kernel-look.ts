/** `ipc kernel status|variables|inspect|complete|history`: looking, also while a cell runs. */
import { executionsText } from '../../present/execution.ts';
import { inspectedText, kernelStatusText, variablesText } from '../../present/kernels.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { kernelSpec, kernelMeant, oneKernel } from '../kernel/verb.ts';
import { inputOf } from '../values.ts';
import type { Verb } from '../verb.ts';

const statusTable = fromTable('kernel.status');
const variablesTable = fromTable('kernel.variables', ['limit']);
const inspectTable = fromTable('kernel.inspect', ['most']);
const completeTable = fromTable('kernel.complete', ['cursor']);
const historyTable = fromTable('kernel.history', ['search', 'limit']);

export const status: Verb = {
  spec: kernelSpec('status', statusTable, {
    ...oneKernel,
    examples: [['ipc kernel status py', 'heartbeat, whose cell runs, memory']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const found = await session.operations['kernel.status'](kernelMeant(call));
    await call.print(found, (look) => kernelStatusText(found, look));
  },
};

export const variables: Verb = {
  spec: kernelSpec('variables', variablesTable, {
    ...oneKernel,
    examples: [['ipc kernel variables py', 'names, types and values, while a cell runs too']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.variables'>(variablesTable, call.values), ...kernelMeant(call) };
    const found = await session.operations['kernel.variables'](wish);
    await call.print(found, ({ style }) => variablesText(found, style));
  },
};

export const inspect: Verb = {
  spec: kernelSpec('inspect', inspectTable, {
    usage: '<kernel> <variable>',
    words: { min: 2, max: 2 },
    examples: [['ipc kernel inspect py df', 'as the kernel would show it']],
    fields: { kernel: 'first word', variable: 'second word' },
  }),
  run: async (call) => {
    const [, variable = ''] = call.words;
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.inspect'>(inspectTable, call.values), ...kernelMeant(call), variable };
    const found = await session.operations['kernel.inspect'](wish);
    await call.print(found, () => inspectedText(found));
  },
};

export const complete: Verb = {
  spec: kernelSpec('complete', completeTable, {
    usage: '<kernel> <code>',
    words: { min: 2 },
    examples: [['ipc kernel complete py df.des', 'one match a line']],
    fields: { kernel: 'first word', code: 'words' },
  }),
  run: async (call) => {
    const [, ...words] = call.words;
    await using session = await call.open();
    const flags = inputOf<'kernel.complete'>(completeTable, call.values);
    const found = await session.operations['kernel.complete']({
      ...flags,
      ...kernelMeant(call),
      code: words.join(' '),
    });
    await call.print(found, () => found.matches.map((match) => `${match}\n`).join(''));
  },
};

export const history: Verb = {
  spec: kernelSpec('history', historyTable, {
    ...oneKernel,
    examples: [['ipc kernel history py --search train', 'newest first, with whose cell it was']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const wish = { ...inputOf<'kernel.history'>(historyTable, call.values), ...kernelMeant(call) };
    const found = await session.operations['kernel.history'](wish);
    await call.print(found, ({ style }) => executionsText(found, style));
  },
};
