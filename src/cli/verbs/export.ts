/** `ipc export`: everything I sent and received, one JSON object a line. */
import { jsonLine } from '../../present/json.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('export', ['everyone', 'after']);

const spec: Spec = {
  name: 'export',
  summary: table.summary,
  usage: '',
  group: 'care',
  words: { min: 0, max: 0 },
  flags: table.flags,
  examples: [['ipc export > mail.jsonl', 'the last line has the cursor to go on from: --after']],
  operations: { export: {} },
};

/** Lines leave together: one write each would cost more than the lines. */
const BATCH = 65_536;

async function run(call: Call): Promise<number> {
  await using session = await call.open();
  using interrupt = interruptible();
  let lines = '';
  for await (const past of session.operations.export(inputOf<'export'>(table, call.values), interrupt)) {
    lines += jsonLine(past);
    if (lines.length < BATCH) continue;
    if (!(await call.output.write(lines))) return 0;
    lines = '';
  }
  await call.output.write(lines);
  return interrupt.signal.aborted ? 130 : 0;
}

export const verb = { spec, run };
