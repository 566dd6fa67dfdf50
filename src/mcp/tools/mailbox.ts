/** The tool for what is asked seldom: one tool with an action, so that the list stays short. */
import { z } from 'zod';
import { untilWords } from '../../present/people.ts';
import { visibleLine } from '../../present/escape.ts';
import { Failure } from '../../protocol/failures.ts';
import { isName, type AgentName } from '../../protocol/names.ts';
import { operations } from '../../protocol/operations.ts';
import { tool, writes, type Turn } from '../tool.ts';

const { ack, pause } = operations;

const actions = [
  'ack',
  'autocheck',
  'cancel',
  'clear',
  'join',
  'leave',
  'mute',
  'pause',
  'resume',
  'unmute',
] as const;

const input = z.strictObject({
  action: z.enum(actions),
  ids: ack.input.shape.ids.optional().describe('messages'),
  name: z.string().optional(),
  seconds: pause.input.shape.seconds,
  minutes: z.int().nonnegative().max(60).optional(),
});

type Wish = z.output<typeof input>;

export const mailboxTool = tool({
  name: 'mailbox',
  title: 'Manage my mailbox',
  description:
    'ack or cancel messages (ids); clear: empty my mailbox, history stays; pause (seconds) and resume; mute and unmute a sender (name); join and leave a topic (name); autocheck (minutes between automatic checks; 0 stops, absent tells).',
  annotations: { ...writes, destructiveHint: true, idempotentHint: true },
  operations: ['ack', 'cancel', 'clear', 'mute', 'pause', 'topic.join', 'topic.leave'],
  input,
  run: async (wish, turn) => ({ text: `${await act(wish, turn)}\n` }),
});

async function act(wish: Wish, turn: Turn): Promise<string> {
  const { operations: call } = turn;
  switch (wish.action) {
    case 'ack': {
      const { acked, unknown } = await call.ack({ ids: idsOf(wish) }, turn);
      const strange = unknown.length === 0 ? '' : `; not yours: ${unknown.join(', ')}`;
      return `${acked.length} acknowledged${strange}`;
    }
    case 'autocheck':
      return autoCheck(wish, turn);
    case 'cancel':
      return cancel(wish, turn);
    case 'clear': {
      const { cleared } = await call.clear({}, turn);
      return `${cleared} cleared unread; history still has them`;
    }
    case 'join': {
      const { topic, members } = await call['topic.join']({ topic: topicOf(wish) }, turn);
      return `joined ${visibleLine(topic)}: ${members.map(visibleLine).join(', ')}`;
    }
    case 'leave': {
      const { topic, left } = await call['topic.leave']({ topic: topicOf(wish) }, turn);
      return left ? `left ${visibleLine(topic)}` : `you were not in ${visibleLine(topic)}`;
    }
    case 'mute':
      return `${(await call.mute({ name: nameOf(wish) }, turn)).name} is muted; what they send is held`;
    case 'pause':
    case 'resume': {
      const off = wish.action === 'resume';
      const done = await call.pause(off ? { off } : { seconds: wish.seconds }, turn);
      return done.pausedUntil === undefined
        ? `not paused; ${done.released} let through`
        : `paused ${untilWords(done.pausedUntil, turn.look())}; messages wait, action resume lifts it`;
    }
    case 'unmute': {
      const { name, released } = await call.mute({ name: nameOf(wish), off: true }, turn);
      return `${name} is heard again; ${released} let through`;
    }
  }
}

async function cancel(wish: Wish, turn: Turn): Promise<string> {
  const lines: string[] = [];
  for (const id of idsOf(wish)) {
    const { cancelled, late } = await turn.operations.cancel({ id }, turn);
    const who = cancelled.length === 0 ? 'nobody' : cancelled.map(visibleLine).join(', ');
    lines.push(
      `${id}: taken back from ${who}${late.length === 0 ? '' : `; too late for ${late.join(', ')}`}`,
    );
  }
  return lines.join('\n');
}

async function autoCheck({ minutes }: Wish, { autoCheck: set }: Turn): Promise<string> {
  if (set === undefined)
    throw new Failure('not_allowed', 'wanted to set automatic checks; this session has no hooks to do them');
  if (minutes === undefined) return set({ action: 'status' });
  return set(minutes === 0 ? { action: 'stop' } : { action: 'start', minutes });
}

function idsOf({ ids, action }: Wish): NonNullable<Wish['ids']> {
  if (ids !== undefined) return ids;
  throw new Failure('invalid', `wanted ids with action ${action}`, {
    hint: 'receipts and history show them',
  });
}

function nameOf({ name, action }: Wish): AgentName {
  const plain = name?.replace(/^@/, '');
  if (plain !== undefined && isName(plain)) return plain;
  throw new Failure(
    'invalid_name',
    `wanted a name with action ${action}, found ${JSON.stringify(name ?? '')}`,
  );
}

function topicOf({ name, action }: Wish): AgentName {
  const plain = name?.replace(/^#/, '');
  if (plain !== undefined && isName(plain)) return plain;
  throw new Failure(
    'invalid_name',
    `wanted a topic with action ${action}, found ${JSON.stringify(name ?? '')}`,
  );
}
