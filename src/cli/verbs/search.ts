/** `ipc search`: words in what I sent and received. */
import { foundText } from '../../present/person.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('search', ['limit', 'everyone']);

const spec: Spec = {
  name: 'search',
  summary: table.summary,
  usage: '<words…>',
  group: 'messages',
  words: { min: 1 },
  flags: table.flags,
  examples: [
    ['ipc search migration', 'messages with this word'],
    ['ipc search -- \'"out of memory" -warning\'', 'a phrase, and without a word'],
  ],
  operations: { search: { query: 'words' } },
};

async function run(call: Call): Promise<void> {
  await using session = await call.open();
  const query = call.words.join(' ');
  const found = await session.operations
    .search({ ...inputOf<'search'>(table, call.values), query })
    .catch(helpful);
  if (found.messages.length === 0) call.output.say('nothing found');
  await call.print(found, (look) => found.messages.map((message) => foundText(message, look)).join('\n'));
}

/** Data that is no good is most often a message's, and so is the hint that comes with it. */
function helpful(error: unknown): never {
  if (!(error instanceof Failure) || error.code !== 'invalid_data') throw error;
  throw new Failure(error.code, error.message, { hint: 'ipc help search', cause: error });
}

export const verb = { spec, run };
