/** `ipc watch`: what arrives, live. It never claims more than `offered`: a line on a screen proves no reading. */
import { Offers } from '../../doors/offers.ts';
import { jsonLine } from '../../present/json.ts';
import { messageLine } from '../../present/line.ts';
import { deliveredText } from '../../present/person.ts';
import type { Door } from '../../protocol/model.ts';
import type { Output } from '../../protocol/operations.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

type Item = Output<'watch'>;

const table = fromTable('watch', ['unread', 'everyone', 'after']);

const spec: Spec = {
  name: 'watch',
  summary: table.summary,
  usage: '',
  group: 'messages',
  words: { min: 0, max: 0 },
  flags: [
    ...table.flags,
    {
      name: 'format',
      field: 'format',
      kind: 'choice',
      choices: ['block', 'line', 'model'],
      hint: 'block|line|model',
      help: 'line: id, sender, first 200 characters; model: fenced',
    },
  ],
  examples: [
    ['ipc watch', 'like tail -f; Ctrl-C ends it'],
    ['ipc watch --unread --format line', 'what waits already too, one line each'],
    ['ipc watch --json | jq .message.body', 'one JSON object a line'],
  ],
  operations: { watch: { door: 'by --format' } },
};

async function run(call: Call): Promise<number> {
  if (isMonitor(call)) {
    const { monitor } = await import('../monitor.ts');
    return monitor(call, inputOf<'watch'>(table, call.values));
  }
  using interrupt = interruptible();
  const { signal } = interrupt;
  const input = inputOf<'watch'>(table, call.values);
  const door: Door = 'watch';
  const show = await renderer(call);
  await using session = await call.open({ stays: true });
  const offers = new Offers(session.operations, { reader: session.reader, door });
  try {
    // The client goes on from the last cursor when the daemon was restarted.
    for await (const item of session.operations.watch({ ...input, door }, { signal })) {
      if (!(await call.output.write(show(item)))) return 0;
      if (input.everyone !== true) offers.add(item.message);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return signal.aborted ? 130 : 0;
}

/** What a client program runs to be woken by its lines. */
function isMonitor({ values, json }: Call): boolean {
  return values.text('format') === 'line' && !json && !values.on('everyone');
}

async function renderer(call: Call): Promise<(item: Item) => string> {
  if (call.json) return (item) => jsonLine(item);
  const { output, values } = call;
  const { style } = output;
  const everyone = values.on('everyone');
  const to = (item: Item): string => (everyone ? `${style.faint(`for ${item.recipient}:`)} ` : '');
  switch (values.text('format')) {
    case 'line':
      // Of others' messages; one's own go through the monitor.
      return (item) => `${to(item)}${messageLine(item.message)}\n`;
    case 'model': {
      const { forModel } = await import('../../present/model.ts');
      return (item) => `${forModel([item.message], call.look())}\n`;
    }
    default:
      return (item) => `${to(item)}${deliveredText(item.message, call.look())}\n`;
  }
}

export const verb = { spec, run };
