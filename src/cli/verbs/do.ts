/** `ipc do`: the phrases of system 000, each another verb. */
import { Failure } from '../../protocol/failures.ts';
import type { Call } from '../call.ts';
import { understand, understood } from '../phrases.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'do',
  summary: 'Do what a sentence says',
  usage: '<sentence…>',
  group: 'messages',
  words: { min: 1 },
  flags: [],
  examples: [
    ['ipc do "msg barney: the migration is complete"', 'ipc send barney …'],
    ['ipc do "any messages?"', 'ipc check'],
    ['ipc do "call me fred"', 'ipc register fred'],
  ],
  notes: `Understood: ${understood().join(' · ')}`,
  operations: {},
};

async function run(call: Call): Promise<number> {
  const text = call.words.join(' ');
  const argv = understand(text);
  if (argv === undefined) {
    throw new Failure(
      'not_understood',
      `did not understand ${JSON.stringify(text)}; understood are: ${understood().join(' · ')}`,
    );
  }
  const { values } = call;
  const globals = [
    ...(call.json ? ['--json'] : []),
    ...(call.quiet ? ['--quiet'] : []),
    ...(values.on('noColor') ? ['--no-color'] : []),
    ...(call.as === undefined ? [] : ['--as', call.as]),
  ];
  return call.run([...globals, ...argv]);
}

export const verb = { spec, run };
