/** `ipc help`: this file only names it; program.ts shows help before any verb runs. */
import type { Call } from '../call.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'help',
  summary: 'Help with examples, of all or of one verb',
  usage: '[verb]',
  group: 'system',
  words: { min: 0, max: 2 },
  flags: [],
  examples: [['ipc help send', 'as ipc send --help']],
  operations: {},
};

async function run(call: Call): Promise<void> {
  const { helpText } = await import('../help.ts');
  await call.output.write(await helpText(call.words, call.output.style));
}

export const verb = { spec, run };
