/** `ipc release`: let held messages through; a person's decision. */
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { isMessageId } from '../../protocol/message-id.ts';
import type { Spec } from '../verb.ts';
import { agentName } from './who.ts';

const table = fromTable('release');

const spec: Spec = {
  name: 'release',
  summary: table.summary,
  usage: '[id | name]',
  group: 'people',
  words: { min: 0, max: 1 },
  flags: [],
  examples: [
    ['ipc release', 'everything that is held'],
    ['ipc release bob', 'what is held to or from bob'],
  ],
  operations: { release: { id: 'first word', name: 'first word' } },
};

async function run(call: Call): Promise<void> {
  const [word] = call.words;
  const which = word === undefined ? {} : isMessageId(word) ? { id: word } : { name: agentName(word) };
  await using session = await call.open();
  const done = await session.operations.release(which);
  await call.tell(done, () => `${done.released} let through\n`);
}

export const verb = { spec, run };
