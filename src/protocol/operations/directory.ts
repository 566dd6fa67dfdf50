/** Operations about agents: names, presence, topics, do-not-disturb. */
import { z } from 'zod';
import { AgentView, Door, Instant, Kind, MessageId, Name } from '../model.ts';
import { operation } from './define.ts';

/** A process whose life stands for an agent's: a shell that registered a name (design §5). */
export const Anchor = z.object({
  pid: z.int().positive(),
  startedAt: z.string().max(64).describe('start time as the system tells it; tells reused pids apart'),
});

const nameOfMine = Name.describe('the name');

export const directory = {
  'agent.remove': operation({
    summary: 'Delete an agent and its mailbox',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: ['name_live', 'no_such_agent'],
    input: z.object({ name: nameOfMine, force: z.boolean().optional().describe('even while it is live') }),
    output: z.object({
      removed: z.string(),
      discarded: z.int().nonnegative().describe('unread messages lost'),
    }),
  }),
  describe: operation({
    summary: 'Say what I am doing: busy, idle, prompted by a person, working on …',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['http'],
    failures: [],
    input: z.object({
      activity: z.enum(['busy', 'idle', 'prompted']).optional(),
      about: z.string().max(200).optional().describe('what I am working on'),
    }),
    output: z.object({ reminded: z.array(MessageId).describe('open requests I was just reminded of') }),
  }),
  mute: operation({
    summary: 'Hold what one sender sends me, until unmuted',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_agent'],
    input: z.object({
      name: nameOfMine,
      off: z.boolean().optional().describe('unmute; what was held arrives'),
    }),
    output: z.object({ name: z.string(), muted: z.boolean(), released: z.int().nonnegative() }),
  }),
  pause: operation({
    summary: 'Do not disturb: messages wait until the pause ends',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_agent'],
    input: z.object({
      name: Name.optional().describe('whom; me when absent (people may pause anyone)'),
      seconds: z.int().positive().max(31_536_000).optional().describe('how long; until lifted when absent'),
      off: z.boolean().optional().describe('lift it; what waited arrives'),
    }),
    output: z.object({ name: z.string(), pausedUntil: Instant.optional(), released: z.int().nonnegative() }),
  }),
  register: operation({
    summary: 'Take a name for this shell or session',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'manage',
    // Over HTTP the token says who acts; `ipc token create` takes the name.
    surfaces: ['cli', 'mcp'],
    failures: ['credential_refused', 'name_forwarding', 'name_live', 'name_taken', 'rate_limited'],
    input: z.object({
      name: Name.optional().describe('the name; agent-N when absent'),
      key: z
        .string()
        .regex(/^[A-Za-z0-9_-]{43}$/)
        .describe('256 random bits, base64url, kept by the client'),
      kind: Kind.extract(['human', 'agent', 'script', 'kernel'])
        .default('script')
        .describe('human, agent or script; kernel for the host of one'),
      executors: z
        .array(Name)
        .max(64)
        .optional()
        .describe('with kind kernel: who may execute on it beside people'),
      anchor: Anchor.optional().describe('process whose life stands for mine'),
      hold: z.boolean().optional().describe('this connection holds the name while it lives'),
      about: z.string().max(200).optional().describe('what I am working on'),
      doors: z
        .array(Door)
        .max(16)
        .optional()
        .describe('with hold: ways this session hands messages over beside its streams'),
    }),
    output: z.object({
      name: z.string(),
      created: z.boolean(),
      waiting: z.int().nonnegative(),
      held: z.int().nonnegative(),
      others: z.array(z.string()).describe('who else is here now'),
    }),
  }),
  release: operation({
    summary: 'Let held messages through',
    home: 'broker',
    caller: 'human',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: ['no_such_agent', 'no_such_message'],
    input: z.object({
      id: MessageId.optional().describe('this message'),
      name: Name.optional().describe('everything held to or from this agent; all held when both are absent'),
    }),
    output: z.object({ released: z.int().nonnegative() }),
  }),
  rename: operation({
    summary: 'Change my name; the old one forwards for two hours',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['name_forwarding', 'name_taken', 'rate_limited'],
    input: z.object({ name: nameOfMine }),
    output: z.object({
      from: z.string(),
      to: z.string(),
      forwardsUntil: Instant.optional().describe('absent: only the case changed'),
      told: z.int().nonnegative(),
    }),
  }),
  'topic.join': operation({
    summary: 'Join a topic: what is sent to it reaches me too',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({ topic: Name.describe('topic, without #') }),
    output: z.object({ topic: z.string(), members: z.array(z.string()) }),
  }),
  'topic.leave': operation({
    summary: 'Leave a topic',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({ topic: Name.describe('topic, without #') }),
    output: z.object({ topic: z.string(), left: z.boolean() }),
  }),
  'topic.list': operation({
    summary: 'Topics and who is in them',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({}),
    output: z.object({
      topics: z.array(z.object({ topic: z.string(), members: z.array(z.string()), joined: z.boolean() })),
    }),
  }),
  who: operation({
    summary: 'Who is here and how each can be reached',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_agent'],
    input: z.object({
      name: Name.optional().describe('only this one'),
      all: z.boolean().optional().describe('also those who are gone or not here yet'),
    }),
    output: z.object({ you: z.string().optional(), agents: z.array(AgentView) }),
  }),
  whoami: operation({
    summary: 'Who I act as',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({}),
    output: z.object({ you: AgentView.optional(), kind: Kind }),
  }),
};
