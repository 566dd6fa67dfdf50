/** `ipc receipts`: what became of a message, for each recipient. */
import { receiptsText } from '../../present/receipt.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { messageIdOf } from '../../protocol/message-id.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('receipts', ['limit']);

const spec: Spec = {
  name: 'receipts',
  summary: table.summary,
  usage: '[id]',
  group: 'messages',
  words: { min: 0, max: 1 },
  flags: table.flags,
  examples: [
    ['ipc receipts', 'of my last ten messages'],
    ['ipc receipts 0198f3c2-…', 'of this one'],
  ],
  operations: { receipts: { id: 'first word' } },
};

async function run(call: Call): Promise<void> {
  const [word] = call.words;
  const id = word === undefined ? {} : { id: messageIdOf(word) };
  await using session = await call.open();
  const receipts = await session.operations.receipts({ ...inputOf<'receipts'>(table, call.values), ...id });
  if (receipts.messages.length === 0) call.output.say('nothing sent yet');
  await call.print(receipts, (look) =>
    receipts.messages.map((message) => receiptsText(message, look)).join('\n'),
  );
}

export const verb = { spec, run };
