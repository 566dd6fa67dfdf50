/** `ipc kernel list|specs|start|connect|allow|interrupt|restart|disconnect|shutdown`: kernels themselves. */
import { kernelsText, specsText, startedText } from '../../present/kernels.ts';
import type { Input } from '../../protocol/operations.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { kernelName, kernelSpec, kernelMeant, oneKernel } from '../kernel/verb.ts';
import { localKernels } from '../kernel/start.ts';
import type { Session } from '../session.ts';
import { inputOf } from '../values.ts';
import type { Flag, Verb } from '../verb.ts';

const listTable = fromTable('kernel.list');
const specsTable = fromTable('kernel.specs');
const startTable = fromTable('kernel.start', ['spec', 'connectionFile', 'private', 'autoreload', 'dryRun']);
const connectTable = fromTable('kernel.connect', ['name']);
const allowTable = fromTable('kernel.allow', ['off']);
const interruptTable = fromTable('kernel.interrupt');
const restartTable = fromTable('kernel.restart');
const disconnectTable = fromTable('kernel.disconnect');
const shutdownTable = fromTable('kernel.shutdown', ['force']);

const allowFlag: Flag = {
  name: 'allow',
  field: 'allow',
  kind: 'text',
  hint: 'name',
  repeat: true,
  help: 'who else may execute on it; may be repeated',
};

/** Who owns what is started here: the name this command acts as, taken if it was not. */
async function ownerOf(session: Session): Promise<string> {
  const { you } = await session.operations.whoami({});
  return you?.name ?? session.identity.name ?? '';
}

function allowed(call: Call): Pick<Input<'kernel.start'>, 'allow'> {
  const names = call.values.texts('allow').flatMap((text) => text.split(',').map(kernelName));
  return names.length === 0 ? {} : { allow: names };
}

export const list: Verb = {
  spec: kernelSpec('list', listTable, {
    usage: '',
    words: { min: 0, max: 0 },
    examples: [['ipc kernel list', "a person's consoles and notebooks too"]],
  }),
  run: async (call) => {
    const found = await localKernels(call.world).list({});
    await call.print(found, ({ style }) => kernelsText(found, style));
  },
};

export const specs: Verb = {
  spec: kernelSpec('specs', specsTable, {
    usage: '',
    words: { min: 0, max: 0 },
    examples: [['ipc kernel specs', 'Python, R, Octave, … as far as they are installed']],
  }),
  run: async (call) => {
    const found = await localKernels(call.world).specs();
    await call.print(found, ({ style }) => specsText(found, style));
  },
};

export const start: Verb = {
  spec: kernelSpec('start', startTable, {
    usage: '[name]',
    words: { min: 0, max: 1 },
    flags: [...startTable.flags, allowFlag],
    examples: [
      ['ipc kernel start', 'a Python kernel py; IDEs find its connection file'],
      ['ipc kernel start r --spec ir --allow bob', 'another language, shared with bob'],
      ['ipc kernel start --private', 'over sockets that only ipc can reach'],
    ],
    notes:
      'The connection file: --connection-file, else IPC_KERNEL_CONNECTION, else a new one with a random key.',
    fields: { name: 'first word', allow: '--allow' },
  }),
  run: async (call) => {
    const [name] = call.words;
    await using session = await call.open();
    const input = {
      ...inputOf<'kernel.start'>(startTable, call.values),
      ...allowed(call),
      ...(name === undefined ? {} : { name: kernelName(name) }),
    };
    const started = await localKernels(call.world).start(input, await ownerOf(session));
    await call.tell(started, ({ style }) => startedText(started, style));
  },
};

export const connect: Verb = {
  spec: kernelSpec('connect', connectTable, {
    usage: '[connection file | name]',
    words: { min: 0, max: 1 },
    flags: [...connectTable.flags, allowFlag],
    examples: [
      ['ipc kernel connect', 'the only live kernel, else a choice'],
      ['ipc kernel connect kernel-4711.json --name spyder', "the kernel of a person's console"],
      ['ipc kernel connect py', 'again, after its host was gone'],
    ],
    notes: 'Without a word: IPC_KERNEL_CONNECTION, else IPYTHON_MCP_CONNECTION, else the only live kernel.',
    fields: { connectionFile: 'first word', allow: '--allow' },
  }),
  run: async (call) => {
    const [connectionFile] = call.words;
    await using session = await call.open();
    const input = {
      ...inputOf<'kernel.connect'>(connectTable, call.values),
      ...allowed(call),
      ...(connectionFile === undefined ? {} : { connectionFile }),
    };
    const attached = await localKernels(call.world).connect(input, await ownerOf(session));
    await call.tell(attached, ({ style }) => startedText(attached, style));
  },
};

export const allow: Verb = {
  spec: kernelSpec('allow', allowTable, {
    usage: '<kernel> <name…>',
    words: { min: 2 },
    examples: [['ipc kernel allow py bob', 'bob may execute on it, and send to it']],
    fields: { kernel: 'first word', names: 'words' },
  }),
  run: async (call) => {
    const [, ...words] = call.words;
    await using session = await call.open();
    const flags = inputOf<'kernel.allow'>(allowTable, call.values);
    const told = await session.operations['kernel.allow']({
      ...flags,
      ...kernelMeant(call),
      names: words.map(kernelName),
    });
    const others = told.allowed.length === 0 ? 'nobody else' : told.allowed.join(', ');
    await call.tell(told, () => `${told.kernel}: ${told.owner}, people, and ${others} may execute\n`);
  },
};

export const interrupt: Verb = {
  spec: kernelSpec('interrupt', interruptTable, {
    ...oneKernel,
    examples: [['ipc kernel interrupt py', 'variables stay']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const told = await session.operations['kernel.interrupt'](kernelMeant(call));
    await call.tell(told, () => `${told.kernel}: ${told.steps.join('; ')}\n`);
    return told.outcome === 'still-running' ? 75 : 0;
  },
};

export const restart: Verb = {
  spec: kernelSpec('restart', restartTable, {
    ...oneKernel,
    examples: [['ipc kernel restart py', 'variables are lost']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const told = await session.operations['kernel.restart'](kernelMeant(call));
    await call.tell(
      told,
      () => `${told.kernel} is new, pid ${told.pid ?? 'not known'}; its variables are gone\n`,
    );
  },
};

export const disconnect: Verb = {
  spec: kernelSpec('disconnect', disconnectTable, {
    ...oneKernel,
    examples: [['ipc kernel disconnect py', 'the kernel and its variables stay']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const told = await session.operations['kernel.disconnect'](kernelMeant(call));
    await call.tell(
      told,
      () => `${told.kernel} is left alone; again with: ipc kernel connect ${told.kernel}\n`,
    );
  },
};

export const shutdown: Verb = {
  spec: kernelSpec('shutdown', shutdownTable, {
    ...oneKernel,
    examples: [['ipc kernel shutdown py', 'one that ipc started; others only with --force']],
  }),
  run: async (call) => {
    await using session = await call.open();
    const flags = inputOf<'kernel.shutdown'>(shutdownTable, call.values);
    const told = await session.operations['kernel.shutdown']({ ...flags, ...kernelMeant(call) });
    await call.tell(told, () => `${told.kernel}: ${told.how}\n`);
    return told.ended ? 0 : 75;
  },
};
