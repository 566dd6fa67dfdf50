/** `ipc check`: what is unread, oldest first, handed over. One of the two hot verbs: it loads little. */
import type { Call } from '../call.ts';
import { handOver } from '../hand-over.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import { inputOf } from '../values.ts';
import type { Flag, Spec } from '../verb.ts';

const table = fromTable('check', ['peek', 'take', 'from', 'thread', 'limit', 'bytes']);

/** As long as anybody waits. */
const FOREVER = '86400';

const wait: Flag = {
  name: 'wait',
  field: 'wait',
  kind: 'duration',
  hint: 'time',
  help: 'wait so long for the first message (a day when no time is given)',
  bare: FOREVER,
  max: 86_400,
};

const spec: Spec = {
  name: 'check',
  summary: table.summary,
  usage: '',
  group: 'messages',
  words: { min: 0, max: 0 },
  flags: [
    ...table.flags,
    wait,
    { name: 'all', field: 'all', kind: 'switch', help: 'everything, however much, with whole bodies' },
    { name: 'exit-code', field: 'exitCode', kind: 'switch', help: 'exit 3 when there is nothing' },
    {
      name: 'format',
      field: 'format',
      kind: 'choice',
      choices: ['person', 'model'],
      hint: 'person|model',
      help: 'model: fenced, for putting into a prompt',
    },
  ],
  examples: [
    ['ipc check', 'what is unread is shown and marked handed'],
    ['ipc check --as bob', "bob's; only a look while bob has a live session"],
    ['ipc check --peek', 'look without marking'],
    ['ipc check --wait 5m', 'block until something comes'],
    ['ipc check --all --json', 'everything, for a script'],
  ],
  notes: 'A message is marked handed once it was printed; when that fails it comes again, marked "again".',
  operations: {
    check: { reader: 'this process', door: 'cli', wait: '--wait', after: '--all', unproven: 'a hook' },
    confirm: {},
  },
};

async function run(call: Call): Promise<number> {
  const seconds = call.values.number('wait');
  await using session = await call.open(seconds === undefined ? {} : { stays: true });
  using interrupt = seconds === undefined ? undefined : interruptible();
  const input = {
    ...inputOf<'check'>(table, call.values),
    ...(seconds === undefined ? {} : { wait: seconds }),
  };
  const result = await handOver(call, session, { input, signal: interrupt?.signal });
  if (result.failure !== undefined) return result.failure.exit;
  return result.shown === 0 && call.values.on('exitCode') ? 3 : 0;
}

export const verb = { spec, run };
