/** `ipc cancel`: take back what nobody has been handed yet. */
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { messageIdOf } from '../../protocol/message-id.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('cancel');

const spec: Spec = {
  name: 'cancel',
  summary: table.summary,
  usage: '<id>',
  group: 'messages',
  words: { min: 1, max: 1 },
  flags: [],
  examples: [['ipc cancel 0198f3c2-…', 'says who will not get it, and who already has']],
  operations: { cancel: { id: 'first word' } },
};

async function run(call: Call): Promise<void> {
  const id = messageIdOf(call.words[0] ?? '');
  await using session = await call.open();
  const done = await session.operations.cancel({ id });
  await call.tell(done, () => {
    const lines: string[] = [];
    if (done.cancelled.length > 0) lines.push(`taken back from ${done.cancelled.join(', ')}`);
    if (done.late.length > 0) lines.push(`too late for ${done.late.join(', ')}`);
    return `${lines.join('\n') || 'there was nobody to take it back from'}\n`;
  });
}

export const verb = { spec, run };
