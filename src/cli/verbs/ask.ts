/** `ipc ask`: a request that waits for its answer; the answer's text is the output. */
import { visible, visibleLine } from '../../present/escape.ts';
import { formatBytes } from '../../present/excerpt.ts';
import { formatDuration } from '../../present/time.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Delivered } from '../../protocol/model.ts';
import type { Output } from '../../protocol/operations.ts';
import type { Call } from '../call.ts';
import { contentFlags, contentOf } from '../content.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';
import { recipients } from './send.ts';

const table = fromTable('ask', [
  'timeout:duration',
  'thread',
  'replyTo',
  'priority',
  'expiresIn:duration',
  'expiresAt',
  'notBefore',
  'go',
  'id',
]);

const DEFAULT_SECONDS = 60;

const spec: Spec = {
  name: 'ask',
  summary: table.summary,
  usage: '<to> [question… | -]',
  group: 'messages',
  words: { min: 1 },
  flags: [...table.flags, ...contentFlags],
  examples: [
    ['ipc ask bob "which port?" --timeout 60', 'prints the answer; exit 124 when none came in time'],
    ['port=$(ipc ask bob "which port?")', 'the answer alone is on stdout'],
  ],
  operations: {
    ask: {
      to: 'first word',
      body: 'words',
      bodyBlob: '-',
      attachments: '--file',
      data: '--data',
      reader: 'this process',
    },
  },
};

async function run(call: Call): Promise<void> {
  const [to = '', ...words] = call.words;
  await using session = await call.open({ stays: true });
  const { forwardOf: _, ...content } = await contentOf(call, session, words);
  const flags = inputOf<'ask'>(table, call.values);
  const id = flags.id ?? session.messageId();
  using interrupt = interruptible();
  const asked = await session.operations.ask(
    { ...flags, ...content, id, to: recipients(to), reader: session.reader },
    { signal: interrupt.signal },
  );
  const { answer } = asked;
  if (answer === undefined && asked.sent.deliveries.every(({ state }) => state === 'refused'))
    throw nobodyToAnswer(asked.sent);
  if (answer === undefined) throw timedOut(asked.sent, flags.timeout ?? DEFAULT_SECONDS);
  sayWho(call, answer);
  await call.print(asked, () => answerText(answer));
  if (call.output.closed) return;
  await session.operations.confirm({
    reader: session.reader,
    door: 'ask',
    stage: 'handed',
    deliveries: [{ id: answer.id, attempt: answer.attempt }],
  });
}

/** The message lies in no mailbox, so no answer can come, now or later. */
function nobodyToAnswer({ id, thread, deliveries }: Output<'ask'>['sent']): Failure {
  const refusals = deliveries.map(({ to, reason }) => `${to}${reason === undefined ? '' : ` (${reason})`}`);
  return new Failure(
    'no_such_agent',
    refusals.length === 0
      ? 'wanted somebody to answer; no one else is there'
      : `wanted somebody to answer; refused by ${refusals.join(', ')}`,
    { details: { id, thread } },
  );
}

function timedOut({ id, thread }: { id: string; thread: string }, seconds: number): Failure {
  return new Failure(
    'timed_out',
    `no answer within ${formatDuration(seconds)}; it will come as a message (request ${id})`,
    { hint: `ipc check --wait --thread ${thread}`, details: { id, thread } },
  );
}

/** Who answered is talk: `port=$(ipc ask …)` wants the answer alone. */
function sayWho({ output, json }: Call, answer: Delivered): void {
  if (json) return;
  const { faint } = output.errorStyle;
  output.say(faint(`${visibleLine(answer.from.name)} (${answer.from.kind}) answered, id ${answer.id}`));
  for (const file of answer.attachments ?? [])
    output.say(
      faint(`attached ${visibleLine(file.name)} (${formatBytes(file.size)}) ${visibleLine(file.path)}`),
    );
  if (answer.bodyBlob !== undefined)
    output.say(
      faint(
        `the first lines of ${formatBytes(answer.bodyBlob.size)}; all of it: ${visibleLine(answer.bodyBlob.path)}`,
      ),
    );
}

function answerText({ body }: Delivered): string {
  const text = visible(body);
  return text.endsWith('\n') ? text : `${text}\n`;
}

export const verb = { spec, run };
