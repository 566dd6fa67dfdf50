/** `ipc history`: the past; with an id one message whole, with --body exactly its bytes. */
import { pastText } from '../../present/person.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Output } from '../../protocol/operations.ts';
import { missingFile } from '../../system/files.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { isMessageId, messageIdOf } from '../../protocol/message-id.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';
import { agentName } from './who.ts';

type Past = Output<'history'>['messages'][number];

const table = fromTable('history', ['thread', 'state', 'limit', 'before', 'everyone', 'with']);

const spec: Spec = {
  name: 'history',
  summary: table.summary,
  usage: '[id | name | #topic]',
  group: 'messages',
  words: { min: 0, max: 1 },
  flags: [
    ...table.flags,
    { name: 'body', field: 'body', kind: 'switch', help: 'of one message: its text, byte for byte' },
  ],
  examples: [
    ['ipc history bob', 'what bob and I exchanged'],
    ['ipc history --state dead', 'what could not be handed over'],
    ['ipc history 0198f3c2-… --body > text', 'exactly the bytes that were sent'],
  ],
  operations: { history: { id: 'first word' } },
};

/** Bytes of one body in a list; one message by id is shown whole. */
const LIST_BYTES = 2_000;

async function run(call: Call): Promise<void> {
  const [word] = call.words;
  const one = word !== undefined && isMessageId(word);
  if (call.values.on('body') && !one)
    throw new Failure('invalid', 'wanted the id of a message with --body', {
      hint: 'ipc history <id> --body',
    });
  if (call.values.on('body') && call.json)
    throw new Failure('invalid', 'wanted --body or --json, found both: --body prints bytes as they are', {
      hint: `ipc history ${word} --json`,
    });
  // Hex and dashes, as long as the first two parts of an id: who is called so is found with --with.
  if (word !== undefined && !one && /^[0-9a-f]{8}-[0-9a-f-]+$/i.test(word)) messageIdOf(word);
  const other = call.values.text('with');
  if (word !== undefined && !one && other !== undefined)
    throw new Failure('invalid', `wanted one name, found ${JSON.stringify(word)} and --with ${other}`, {
      hint: `ipc history ${other}`,
    });
  await using session = await call.open();
  const history = await session.operations.history({
    ...inputOf<'history'>(table, call.values),
    ...(one ? { id: word } : word === undefined ? {} : { with: word }),
  });
  const [message] = history.messages;
  if (call.values.on('body') && message !== undefined) return await printBody(call, message);
  if (history.messages.length === 0) {
    const name = one ? undefined : (word ?? other);
    // Throws `no_such_agent` for one that nobody has: "nothing yet" would hide a slip of the finger.
    if (name !== undefined && !name.startsWith('#')) await session.operations.who({ name: agentName(name) });
    call.output.say('nothing yet');
  }
  await call.print(history, (look) => {
    const bounded = one ? look : { ...look, bodyBytes: LIST_BYTES };
    const text = history.messages.map((past) => pastText(past, bounded)).join('\n');
    return history.before === undefined ? text : `${text}\nolder: ipc history --before ${history.before}\n`;
  });
}

/** For pipes: the one place where what others wrote reaches the terminal as it is. */
async function printBody({ output }: Call, { body, bodyBlob }: Past): Promise<void> {
  if (bodyBlob === undefined) {
    await output.write(body);
    return;
  }
  if (bodyBlob.missing === true) throw missingFile(bodyBlob.path);
  for await (const chunk of Bun.file(bodyBlob.path).stream()) if (!(await output.write(chunk))) return;
}

export const verb = { spec, run };
