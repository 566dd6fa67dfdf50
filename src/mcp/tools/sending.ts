/** Tools that put messages into mailboxes: send, reply, ask. */
import { z } from 'zod';
import { forModel } from '../../present/model.ts';
import { sentText } from '../../present/sent.ts';
import { plain } from '../../present/style.ts';
import { formatDuration } from '../../present/time.ts';
import { Failure } from '../../protocol/failures.ts';
import { operations, type Output } from '../../protocol/operations.ts';
import { contentOf } from '../content.ts';
import { handedByTool } from '../handed.ts';
import { tool, writes, type Answer } from '../tool.ts';
import { content, recipients, request, run } from './fields.ts';

const { send, reply, ask } = operations;

/** Clients end a call after 60 s (interfaces §4.2): the ticket must come before that. */
const LONGEST_WAIT = 50;
const USUAL_WAIT = 45;

export const sendTool = tool({
  name: 'send',
  title: 'Send a message',
  description:
    'Send a message to agents, people or topics of this machine; broadcast with to @all. The answer says where it went.',
  annotations: writes,
  operations: ['send'],
  input: z.strictObject({
    to: recipients,
    ...content,
    run,
    request,
    thread: send.input.shape.thread,
    replyTo: send.input.shape.replyTo,
    forward: z.string().optional().describe('message to pass on: its id, or last'),
    notBefore: send.input.shape.notBefore,
    go: send.input.shape.go,
  }),
  run: async ({ text, data, files, forward, run: line, request: wanted, ...rest }, turn) => {
    const carried = await contentOf({ text, data, files, forward, run: line }, turn);
    const sent = await turn.operations.send({ ...rest, ...carried, ...intent(wanted) }, turn);
    return { text: sentText(sent, plain) };
  },
});

export const replyTool = tool({
  name: 'reply',
  title: 'Answer a message',
  description: 'Answer a message, in its thread. Also settles it: its sender sees it as acknowledged.',
  annotations: writes,
  operations: ['reply'],
  input: z.strictObject({ message: reply.input.shape.message, ...content, run, request }),
  run: async ({ text, data, files, run: line, request: wanted, ...rest }, turn) => {
    const carried = await contentOf({ text, data, files, run: line }, turn);
    const sent = await turn.operations.reply({ ...rest, ...carried, ...intent(wanted) }, turn);
    return { text: sentText(sent, plain) };
  },
});

export const askTool = tool({
  name: 'ask',
  title: 'Ask and wait',
  description:
    'Send a request and wait up to 50 s for its answer. After that you get a ticket, and the answer comes as a message.',
  annotations: writes,
  operations: ['ask'],
  input: z.strictObject({
    to: recipients,
    ...content,
    thread: ask.input.shape.thread,
    timeout: z.number().nonnegative().max(LONGEST_WAIT).default(USUAL_WAIT).describe('seconds to wait'),
  }),
  run: async ({ text, data, files, timeout, ...rest }, turn) => {
    const carried = await contentOf({ text, data, files }, turn);
    const asking = turn.operations.ask({ ...rest, ...carried, timeout, reader: turn.reader }, turn);
    const { answer, sent } = await turn.patiently(asking, {
      text: 'waiting for the answer',
      seconds: timeout,
    });
    if (answer === undefined) return ticket(sent, timeout);
    return { text: forModel([answer], turn.look()), written: handedByTool(turn, [answer]) };
  },
});

function intent(wanted: boolean | undefined): { intent?: 'request' } {
  return wanted === true ? { intent: 'request' } : {};
}

function ticket(sent: Output<'ask'>['sent'], seconds: number): Answer {
  if (sent.deliveries.every(({ state }) => state === 'refused')) {
    const refused = sent.deliveries.map(({ to, reason }) =>
      reason === undefined ? to : `${to} (${reason})`,
    );
    const whom = refused.length === 0 ? 'no one else is there' : `refused by ${refused.join(', ')}`;
    throw new Failure('no_such_agent', `wanted somebody to answer; ${whom}`);
  }
  return {
    text:
      `${sentText(sent, plain)}No answer within ${formatDuration(seconds)}. ` +
      `Ticket: request ${sent.id}, thread ${sent.thread}. The answer will come as a message; ` +
      'check with that thread and wait looks for it.\n',
  };
}
