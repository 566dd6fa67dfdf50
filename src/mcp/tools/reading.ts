/** Tools that read: check hands over, history and receipts look back. */
import { z } from 'zod';
import { SHOWN_BYTES } from '../../present/excerpt.ts';
import { forModel, pastForModel } from '../../present/model.ts';
import { receiptsText } from '../../present/receipt.ts';
import { operations, type Output } from '../../protocol/operations.ts';
import { handedByTool } from '../handed.ts';
import { reads, tool, type Turn } from '../tool.ts';

const { check, history, receipts, search } = operations;

const LONGEST_WAIT = 50;
const LIST_BYTES = 2_000;
const { limit, from, thread, peek } = check.input.shape;

export const checkTool = tool({
  name: 'check',
  title: 'Read new messages',
  description: 'Hand over what is unread, oldest first. Each message comes once.',
  annotations: { ...reads, readOnlyHint: false, idempotentHint: false },
  operations: ['check'],
  input: z.strictObject({
    peek,
    wait: z
      .number()
      .nonnegative()
      .max(LONGEST_WAIT)
      .optional()
      .describe(check.input.shape.wait.description ?? ''),
    limit,
    from,
    thread,
  }),
  run: async (query, turn) => {
    const fetching = turn.operations.check({ ...query, reader: turn.reader, door: 'tool' }, turn);
    const page = await turn.patiently(fetching, { text: 'waiting for a message', ...seconds(query.wait) });
    const { messages, peeked } = page;
    return {
      text: pageText(page, turn, query),
      showsUnread: true,
      ...(peeked || messages.length === 0 ? {} : { written: handedByTool(turn, messages) }),
    };
  },
});

function seconds(wait: number | undefined): { seconds?: number } {
  return wait === undefined ? {} : { seconds: wait };
}

function pageText(
  page: Output<'check'>,
  turn: Pick<Turn, 'look'>,
  query: { readonly from?: string | undefined; readonly thread?: string | undefined },
): string {
  const { messages, remaining, held, pausedUntil, peeked } = page;
  const shown = forModel(messages, { ...turn.look(), bodyBytes: SHOWN_BYTES, whole: resourceOf });
  const rest: string[] = [];
  const left = peeked ? Math.max(0, remaining) : remaining;
  if (messages.length === 0) rest.push('Nothing new.');
  else if (peeked) rest.push('Only looked: they stay unread.');
  if (pausedUntil !== undefined)
    rest.push(`${left + held} waiting behind a pause: mailbox, action resume, lifts it.`);
  else {
    const filter = query.from === undefined ? 'thread' : 'from';
    const filtered = query.from !== undefined || query.thread !== undefined;
    // What is left is counted over all senders and threads: asking for the same again may bring nothing.
    if (left > 0)
      rest.push(
        `${left} more${filtered ? ` unread: check without ${filter} hands over all` : ': check again'}.`,
      );
    if (held > 0)
      rest.push(`${held} held: mailbox, action unmute, lifts a mute; the rest waits for a person.`);
  }
  return [shown, ...rest.map((line) => `${line}\n`)].filter((part) => part !== '').join('\n');
}

/** How a model gets at a body that was cut. */
export function resourceOf(id: string): string {
  return `the resource ipc://message/${id}{?from,bytes} or history with this id`;
}

const past = history.input.shape;

export const historyTool = tool({
  name: 'history',
  title: 'Look back',
  description:
    'Messages sent and received before, newest last; with query, a full-text search; with id, one whole.',
  annotations: reads,
  operations: ['history', 'search'],
  input: z.strictObject({
    query: search.input.shape.query.optional(),
    with: past.with,
    thread: past.thread,
    id: past.id,
    state: past.state,
    limit: past.limit.unwrap().max(200).default(10).describe('how many'),
    before: past.before,
  }),
  run: async ({ query, ...filter }, turn) => {
    if (query !== undefined) {
      const found = await turn.operations.search({ query, limit: filter.limit }, turn);
      if (found.messages.length === 0) return { text: 'Nothing found.\n' };
      return {
        text: pastForModel(found.messages, { ...turn.look(), bodyBytes: LIST_BYTES, whole: resourceOf }),
      };
    }
    const { messages, before } = await turn.operations.history(filter, turn);
    if (messages.length === 0) return { text: 'Nothing yet.\n' };
    const whole = filter.id === undefined ? { bodyBytes: LIST_BYTES } : {};
    const text = pastForModel(messages, { ...turn.look(), ...whole, whole: resourceOf });
    return { text: before === undefined ? text : `${text}\nOlder: history with before ${before}.\n` };
  },
});

export const receiptsTool = tool({
  name: 'receipts',
  title: 'What became of it',
  description: 'What became of a message, for each recipient: queued, offered, handed, seen, acked …',
  annotations: reads,
  operations: ['receipts'],
  input: z.strictObject({ id: receipts.input.shape.id, limit: receipts.input.shape.limit }),
  output: z.looseObject({
    messages: z.array(
      z.looseObject({
        id: z.string(),
        receipts: z.array(z.looseObject({ to: z.string(), state: z.string() })),
      }),
    ),
  }),
  run: async (query, turn) => {
    const found = await turn.operations.receipts(query, turn);
    const look = turn.look();
    const text = found.messages.map((message) => receiptsText(message, look)).join('\n');
    return { text: text === '' ? 'Nothing sent yet.\n' : text, structured: found };
  },
});
