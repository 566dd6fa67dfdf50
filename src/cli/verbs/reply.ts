/** `ipc reply`: an answer in the thread of a message, the last one handed to me unless named. */
import type { Call } from '../call.ts';
import { contentFlags, contentOf } from '../content.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { isMessageId } from '../../protocol/message-id.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';
import { tellSent } from './send.ts';

const table = fromTable('reply', [
  'intent',
  'priority',
  'expiresIn:duration',
  'expiresAt',
  'notBefore',
  'id',
]);

const spec: Spec = {
  name: 'reply',
  summary: table.summary,
  usage: '[id] [text… | -]',
  group: 'messages',
  words: { min: 0 },
  flags: [
    ...table.flags,
    ...contentFlags,
    { name: 'request', field: 'request', kind: 'switch', help: 'short for --intent request' },
  ],
  examples: [
    ['ipc reply "on it"', 'to the last message handed to me'],
    ['ipc reply 0198f3c2-… "on it"', 'to this one'],
  ],
  operations: {
    reply: { message: 'first word', body: 'words', bodyBlob: '-', attachments: '--file', data: '--data' },
  },
};

async function run(call: Call): Promise<void> {
  const [first = '', ...rest] = call.words;
  const named = isMessageId(first) && call.plain > 0;
  await using session = await call.open();
  const content = await contentOf(call, session, named ? rest : call.words);
  const flags = inputOf<'reply'>(table, call.values);
  const sent = await session.operations.reply({
    ...flags,
    ...(call.values.on('request') ? { intent: 'request' } : {}),
    ...content,
    ...(named ? { message: first } : {}),
    id: flags.id ?? session.messageId(),
  });
  await tellSent(call, sent);
}

export const verb = { spec, run };
