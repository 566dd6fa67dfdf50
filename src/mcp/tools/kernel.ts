/**
 * Tools about Jupyter kernels: run, come back for the rest, look, manage. Few, because each costs every
 * conversation that has them. Pictures go as image content alone: in structured content they would be read
 * as text (claude-code#70280).
 */
import { z } from 'zod';
import { executionForModel, executionsText, isOver } from '../../present/execution.ts';
import {
  inspectedText,
  kernelsText,
  kernelStatusText,
  specsText,
  startedText,
  variablesText,
} from '../../present/kernels.ts';
import { plain } from '../../present/style.ts';
import { Failure } from '../../protocol/failures.ts';
import { parseOwnName, type AgentName } from '../../protocol/names.ts';
import { operations } from '../../protocol/operations.ts';
import { ExecutionId, type Execution, type SavedImage } from '../../protocol/execution.ts';
import { awaited, executed } from '../follow-execution.ts';
import type { LocalKernels } from '../parts.ts';
import { reads, tool, writes, type Answer, type Picture, type Turn } from '../tool.ts';

const execute = operations['kernel.execute'].input.shape;
const start = operations['kernel.start'].input.shape;
const kernel = z.string().optional().describe('name of the kernel; the only one when absent');

/** Clients give up on a tool after a minute, unless told that it goes on. */
const WAIT_SECONDS = 25;
const MOST_WAIT = 600;
const wait = z
  .number()
  .min(0)
  .max(MOST_WAIT)
  .optional()
  .describe(`seconds to wait; ${WAIT_SECONDS} when absent`);

const MOST_PICTURES = 4;
const MOST_BYTES = 1_500_000;
const SHOWN = /^image\/(png|jpeg|gif|webp)$/;

export const executeTool = tool({
  name: 'kernel_execute',
  title: 'Run code in a kernel',
  description:
    'Run code in a live Jupyter kernel that you share with people and agents; state stays between calls. Plots come back as images. A cell that takes longer than wait runs on: you get its id, what it printed so far, and kernel_result for the rest.',
  annotations: { ...writes, openWorldHint: true },
  operations: ['kernel.execute', 'kernel.input'],
  input: z.strictObject({
    code: execute.code,
    kernel,
    wait,
    ask_input: z.boolean().optional().describe('input() may ask the user; without it input() fails at once'),
    notify: z.string().optional().describe('name of who is sent a message when it ends'),
  }),
  run: async ({ code, wait: seconds = WAIT_SECONDS, ask_input: askInput, notify, ...rest }, turn) => {
    const told = notify === undefined ? {} : { notify: parseOwnName(notify) };
    const input = { code, askInput, ...told, ...named(rest), wait: seconds };
    const still = progress(turn, seconds);
    const first = await executed(turn.operations, input, { signal: turn.signal, still });
    return await answer(await questioned(first, turn, seconds));
  },
});

export const resultTool = tool({
  name: 'kernel_result',
  title: 'The rest of an execution',
  description:
    'How far an execution is and what it has shown, waiting for its end if asked; from and bytes read a part of all its output; answer gives its input() a line.',
  annotations: { ...writes, idempotentHint: true },
  operations: ['kernel.result', 'kernel.input'],
  input: z.strictObject({
    id: ExecutionId,
    wait,
    from: z.int().nonnegative().optional().describe('byte of the whole output to read from'),
    bytes: z.int().positive().max(100_000).optional(),
    answer: z.string().optional().describe('for the input() it waits at'),
  }),
  run: async ({ id, wait: seconds = 0, from, bytes, answer: line }, turn) => {
    const { signal } = turn;
    if (line !== undefined) await turn.operations['kernel.input']({ id, value: line }, { signal });
    const first = await turn.operations['kernel.result']({ id, from, bytes }, { signal });
    if (first.part !== undefined) return { text: executionForModel(first) };
    const still = progress(turn, seconds);
    return await answer(await awaited(turn.operations, first, { seconds, most: undefined, signal, still }));
  },
});

const looks = ['status', 'variables', 'inspect', 'history', 'list', 'specs'] as const;

export const lookTool = tool({
  name: 'kernel_look',
  title: 'Look at kernels',
  description:
    'status: whether it lives, whose cell runs, memory. variables, inspect (of): what is in it, also while a cell runs, without running code. history (of: text to find): what ran and whose it was. list: every live kernel here, a Spyder console or notebook too. specs: which can be started.',
  annotations: reads,
  operations: [
    'kernel.status',
    'kernel.variables',
    'kernel.inspect',
    'kernel.history',
    'kernel.list',
    'kernel.specs',
  ],
  input: z.strictObject({
    what: z.enum(looks),
    kernel,
    of: z.string().optional().describe('inspect: the variable; history: text to find'),
  }),
  run: async ({ what, of, ...rest }, turn) => {
    const wish = named(rest);
    const { operations: ask, signal } = turn;
    switch (what) {
      case 'status':
        return { text: kernelStatusText(await ask['kernel.status'](wish, { signal }), turn.look()) };
      case 'variables':
        return { text: variablesText(await ask['kernel.variables'](wish, { signal }), plain) };
      case 'inspect': {
        const variable = wanted(of, 'of, the name of a variable');
        return { text: inspectedText(await ask['kernel.inspect']({ ...wish, variable }, { signal })) };
      }
      case 'history': {
        const search = of === undefined ? {} : { search: of };
        return {
          text: executionsText(await ask['kernel.history']({ ...wish, ...search }, { signal }), plain),
        };
      }
      case 'list':
        return { text: kernelsText(await localOf(turn).list({}), plain) };
      case 'specs':
        return { text: specsText(await localOf(turn).specs(), plain) };
    }
  },
});

const actions = ['start', 'connect', 'interrupt', 'restart', 'disconnect', 'shutdown', 'allow'] as const;

export const manageTool = tool({
  name: 'kernel_manage',
  title: 'Start, attach, stop kernels',
  description:
    'start a kernel that outlives you; connect to a live one (connection_file, or the only one); interrupt what runs, variables stay; restart loses them; disconnect leaves it alive; shutdown ends it; allow lets others (names) execute on it.',
  annotations: { ...writes, destructiveHint: true },
  operations: [
    'kernel.start',
    'kernel.connect',
    'kernel.interrupt',
    'kernel.restart',
    'kernel.disconnect',
    'kernel.shutdown',
    'kernel.allow',
  ],
  input: z.strictObject({
    action: z.enum(actions),
    kernel: z.string().optional().describe('its name; for start and connect the name it gets'),
    spec: start.spec,
    connection_file: z
      .string()
      .optional()
      .describe('a connection file, or the name of a kernel known before'),
    names: z.array(z.string()).optional().describe('who else may execute on it'),
    private: start.private,
    autoreload: start.autoreload,
    dry_run: start.dryRun,
    force: z.boolean().optional().describe('shutdown even of a kernel that ipc did not start'),
  }),
  run: async ({ action, names, force, ...rest }, turn) => {
    const wish = named(rest);
    const { operations: ask, signal } = turn;
    const allow = names === undefined ? {} : { allow: names.map((name) => parseOwnName(name)) };
    const given = rest.connection_file === undefined ? {} : { connectionFile: rest.connection_file };
    const called = wish.kernel === undefined ? {} : { name: wish.kernel };
    switch (action) {
      case 'start': {
        const { spec, private: hidden, autoreload, dry_run: dryRun } = rest;
        const input = { spec, private: hidden, autoreload, dryRun, ...allow, ...given, ...called };
        const starting = localOf(turn).start(input, turn.name);
        return { text: startedText(await turn.patiently(starting, { text: 'the kernel starts' }), plain) };
      }
      case 'connect':
        return {
          text: startedText(await localOf(turn).connect({ ...allow, ...given, ...called }, turn.name), plain),
        };
      case 'interrupt': {
        const { kernel: name, steps } = await ask['kernel.interrupt'](wish, { signal });
        return { text: `${name}: ${steps.join('; ')}\n` };
      }
      case 'restart': {
        const { kernel: name } = await ask['kernel.restart'](wish, { signal });
        return { text: `${name} is new; its variables are gone\n` };
      }
      case 'disconnect': {
        const { kernel: name, connectionFile } = await ask['kernel.disconnect'](wish, { signal });
        return { text: `${name} is left alone and alive: ${connectionFile}\n` };
      }
      case 'shutdown': {
        const { kernel: name, how } = await ask['kernel.shutdown']({ ...wish, force }, { signal });
        return { text: `${name}: ${how}\n` };
      }
      case 'allow': {
        const whom = wanted(allow.allow, 'names');
        const { kernel: name, allowed } = await ask['kernel.allow']({ ...wish, names: whom }, { signal });
        return { text: `${allowed.join(', ')} may execute on ${name}\n` };
      }
    }
  },
});

function named({ kernel: name }: { readonly kernel?: string | undefined }): { kernel?: AgentName } {
  return name === undefined ? {} : { kernel: parseOwnName(name.replace(/^@/, '')) };
}

function wanted<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new Failure('invalid', `wanted ${what}`, { hint: 'see the input of this tool' });
}

function localOf({ kernels }: Turn): LocalKernels {
  if (kernels !== undefined) return kernels;
  throw new Failure('not_allowed', 'wanted a server on this machine: this one starts no kernels');
}

function progress(turn: Turn, seconds: number): (execution: Execution) => void {
  return ({ latest, id, seconds: ran, ahead }) => {
    const waits = ahead === undefined ? '' : `waits, ${ahead} before it`;
    turn.tell({ text: latest ?? `${id} ${waits}`.trim(), at: ran ?? 0, seconds });
  };
}

/** Whoever sits before the client answers `input()`, if the client can ask; a password never goes that way. */
async function questioned(execution: Execution, turn: Turn, seconds: number): Promise<Execution> {
  let found = execution;
  while (found.asks !== undefined && !found.asks.password && turn.elicit !== undefined) {
    const line = await turn.elicit(found.asks.prompt === '' ? 'The cell asks for input.' : found.asks.prompt);
    if (line === undefined) return found;
    const { id } = found;
    const { signal } = turn;
    await turn.operations['kernel.input']({ id, value: line }, { signal });
    const next = await turn.operations['kernel.result']({ id }, { signal });
    const still = progress(turn, seconds);
    found = await awaited(turn.operations, next, { seconds, most: undefined, signal, still });
  }
  return found;
}

async function answer(execution: Execution): Promise<Answer> {
  const shown = execution.images.filter(({ type, bytes }) => SHOWN.test(type) && bytes <= MOST_BYTES);
  const pictures = await Promise.all(shown.slice(-MOST_PICTURES).map((image) => pictureIn(image)));
  const failed = isOver(execution) && execution.state !== 'ok';
  return {
    text: executionForModel(execution),
    pictures: pictures.filter(isPicture),
    ...(failed ? { failed: true } : {}),
  };
}

function isPicture(found: Picture | undefined): found is Picture {
  return found !== undefined;
}

/** From its file; undefined when somebody took that away. */
async function pictureIn({ path, type }: SavedImage): Promise<Picture | undefined> {
  try {
    return {
      type: 'image',
      mimeType: type,
      data: Buffer.from(await Bun.file(path).arrayBuffer()).toString('base64'),
    };
  } catch {
    return undefined;
  }
}
