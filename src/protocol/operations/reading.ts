/** Operations by which messages are read, confirmed, searched and accounted for. */
import { z } from 'zod';
import {
  Delivered,
  DeliveryState,
  Door,
  HANDOVER_BYTES,
  Instant,
  Message,
  MessageId,
  Reader,
  Receipt,
  ReceiptAndReach,
} from '../model.ts';
import { operation, streaming } from './define.ts';

/** A process that fetches; its leases are its own, so a repeated fetch returns the same messages. */
const reader = Reader.describe('who leases; a repeat by the same reader gets the same');

const everyone = z.boolean().optional().describe('of all agents, not only mine (people only)');

/** A message as the past shows it: with what became of it. */
export const Past = Message.extend({
  mine: z.boolean().describe('I sent it'),
  receipts: z.array(Receipt),
});
export type Past = z.infer<typeof Past>;

export const reading = {
  ack: operation({
    summary: 'Acknowledge messages: done with them',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_message'],
    input: z.object({ ids: z.array(MessageId).min(1).max(1_000).describe('messages to acknowledge') }),
    output: z.object({ acked: z.array(MessageId), unknown: z.array(MessageId) }),
  }),
  check: operation({
    summary: 'Hand over what is unread, oldest first',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({
      reader,
      door: Door.default('cli'),
      limit: z.int().positive().max(1_000).optional().describe('at most so many messages'),
      bytes: z
        .int()
        .positive()
        .max(524_288)
        .default(HANDOVER_BYTES)
        .describe('at most so many bytes of body'),
      from: z.string().optional().describe('only from this sender'),
      thread: z.string().optional().describe('only of this thread'),
      peek: z.boolean().optional().describe('look without marking'),
      take: z.boolean().optional().describe('even while a live session holds the name'),
      wait: z.number().nonnegative().max(86_400).optional().describe('seconds to wait for the first message'),
      after: z.string().optional().describe('peek on from this cursor'),
      unproven: z.boolean().optional().describe('also what was handed to a model and not seen yet'),
    }),
    output: z.object({
      messages: z.array(Delivered),
      remaining: z.int().nonnegative().describe('unread messages not in this answer'),
      held: z.int().nonnegative().describe('messages a guard or a pause is holding'),
      peeked: z.boolean().describe('nothing was leased: a peek, or a live session holds the name'),
      pausedUntil: Instant.optional(),
      next: z.string().optional().describe('cursor for the next peek'),
      unproven: z
        .array(z.object({ id: MessageId, door: Door }))
        .optional()
        .describe('handed to a model within a day, newest first: look for them in its transcript'),
    }),
  }),
  clear: operation({
    summary: 'Empty my mailbox unread; the history stays',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'mcp', 'http'],
    failures: [],
    input: z.object({}),
    output: z.object({ cleared: z.int().nonnegative() }),
  }),
  confirm: operation({
    summary: 'Say that a hand-over happened, or that a message was offered or seen',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['http'],
    failures: [],
    input: z.object({
      reader,
      door: Door,
      stage: z.enum(['offered', 'handed', 'seen']),
      deliveries: z.array(z.object({ id: MessageId, attempt: z.int().nonnegative() })).max(1_000),
    }),
    output: z.object({
      confirmed: z.int().nonnegative(),
      lost: z.array(MessageId).describe('leases that ran out first: these messages come again'),
    }),
  }),
  export: streaming({
    summary: 'Everything I sent and received, oldest first, as a stream',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'http'],
    failures: [],
    input: z.object({ everyone, after: z.string().optional().describe('cursor to go on from') }),
    output: Past.extend({ cursor: z.string() }),
  }),
  history: operation({
    summary: 'The past: what I sent and received',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_message'],
    input: z.object({
      id: MessageId.optional().describe('this message, whole'),
      with: z.string().optional().describe('exchanged with this agent or #topic'),
      thread: z.string().optional().describe('of this thread'),
      state: DeliveryState.optional().describe('in this state, such as dead'),
      limit: z.int().positive().max(500).default(20).describe('the newest so many'),
      before: z.string().optional().describe('cursor to go further back from'),
      everyone,
    }),
    output: z.object({ messages: z.array(Past).describe('oldest first'), before: z.string().optional() }),
  }),
  receipts: operation({
    summary: 'What became of a message, for each recipient',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_message'],
    input: z.object({
      id: MessageId.optional().describe('the message; my last ones when absent'),
      limit: z.int().positive().max(100).default(10).describe('how many of my last ones'),
    }),
    output: z.object({
      messages: z.array(
        z.object({
          id: MessageId,
          from: z.string(),
          to: z.array(z.string()),
          sentAt: Instant,
          firstLine: z.string(),
          receipts: z.array(ReceiptAndReach),
        }),
      ),
    }),
  }),
  search: operation({
    summary: 'Full-text search in what I sent and received',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['invalid_data'],
    input: z.object({
      query: z.string().min(1).max(1_000).describe('words; "a phrase"; prefix*; a OR b; -not'),
      limit: z.int().positive().max(200).default(20).describe('the best so many'),
      everyone,
    }),
    output: z.object({ messages: z.array(Past.extend({ snippet: z.string() })) }),
  }),
  watch: streaming({
    summary: 'Follow what arrives, live; never marks more than offered',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'check',
    surfaces: ['cli', 'http'],
    failures: [],
    input: z.object({
      door: Door.default('watch'),
      unread: z.boolean().optional().describe('begin with what is waiting already'),
      after: z.string().optional().describe('cursor to go on from'),
      everyone,
    }),
    output: z.object({
      cursor: z.string(),
      recipient: z.string(),
      message: Delivered,
    }),
  }),
};
