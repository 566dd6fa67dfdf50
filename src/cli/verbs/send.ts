/** `ipc send`: a message to names, #topics or @all. One of the two hot verbs: it loads little. */
import { sentText } from '../../present/sent.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Output } from '../../protocol/operations.ts';
import type { Call } from '../call.ts';
import { contentFlags, contentOf } from '../content.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('send', [
  'thread',
  'replyTo',
  'intent',
  'priority',
  'expiresIn:duration',
  'expiresAt',
  'notBefore',
  'go',
  'id',
]);

const spec: Spec = {
  name: 'send',
  summary: table.summary,
  usage: '<to>[,<to>…] [text… | -]',
  group: 'messages',
  words: { min: 1 },
  flags: [
    ...table.flags,
    ...contentFlags,
    { name: 'request', field: 'request', kind: 'switch', help: 'short for --intent request' },
    {
      name: 'forward',
      field: 'forward',
      kind: 'text',
      hint: 'id|last',
      help: 'pass this message on, below the text',
    },
  ],
  examples: [
    ['ipc send bob "tests are green"', 'bob need not be here yet'],
    ['ipc send bob,alice,#reviews "ready"', 'several at once'],
    ['git diff | ipc send bob -', 'the text from stdin'],
    ['ipc send bob --file model.bin "weights"', 'a file of any size, by reference'],
    ['ipc send bob --run "bun test"', 'what a command prints, with its exit code'],
    ['ipc send @all --go "deploying in 5 min"', 'everyone seen today'],
    ['ipc send bob -- --no-verify was on', 'a text that begins with dashes'],
  ],
  operations: {
    send: {
      to: 'first word',
      body: 'words',
      bodyBlob: '-',
      attachments: '--file',
      data: '--data',
      forwardOf: '--forward',
    },
  },
};

async function run(call: Call): Promise<void> {
  const [to = '', ...words] = call.words;
  await using session = await call.open();
  const content = await contentOf(call, session, words);
  const flags = inputOf<'send'>(table, call.values);
  const sent = await session.operations.send({
    ...flags,
    ...(call.values.on('request') ? { intent: 'request' } : {}),
    ...content,
    id: flags.id ?? session.messageId(),
    to: recipients(to),
  });
  await tellSent(call, sent);
}

/** A message is sent whether or not its answer can be printed; who does not hear so would send it twice. */
export async function tellSent(call: Call, sent: Output<'send'>): Promise<void> {
  try {
    await call.tell(sent, ({ style }) => sentText(sent, style));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `message ${sent.id} is stored, but ${error.message}`, {
      hint: `ipc receipts ${sent.id}`,
      details: { id: sent.id, thread: sent.thread },
      cause: error,
    });
  }
}

/** Throws `invalid` when there is none. */
export function recipients(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length > 0) return names;
  throw new Failure('invalid', `wanted a recipient (a name, #topic or @all), found ${JSON.stringify(text)}`, {
    hint: 'ipc who',
  });
}

export const verb = { spec, run };
