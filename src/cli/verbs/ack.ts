/** `ipc ack`: done with these messages. */
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { messageIdOf } from '../../protocol/message-id.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('ack');

const spec: Spec = {
  name: 'ack',
  summary: table.summary,
  usage: '<id…>',
  group: 'messages',
  words: { min: 1 },
  flags: [],
  examples: [['ipc ack 0198f3c2-…', 'the sender sees it as acked']],
  operations: { ack: { ids: 'words' } },
};

async function run(call: Call): Promise<void> {
  const ids = call.words.map((word) => messageIdOf(word));
  await using session = await call.open();
  const acked = await session.operations.ack({ ids });
  if (acked.unknown.length > 0)
    await call.output.warn(`not yours, or not known: ${acked.unknown.join(', ')}`);
  await call.tell(acked, () => `acknowledged ${acked.acked.length}\n`);
}

export const verb = { spec, run };
