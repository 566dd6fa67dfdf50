/** Operations that put messages into mailboxes or take them back. */
import { z } from 'zod';
import {
  Body,
  Delivered,
  DeliveryState,
  Door,
  Instant,
  Intent,
  Json,
  MessageId,
  Presence,
  Priority,
  Reader,
  StagedAttachment,
  StagedBlob,
  Thread,
} from '../model.ts';
import { operation } from './define.ts';

const content = {
  id: MessageId.optional().describe('made by the client; the second send with it changes nothing'),
  body: Body.describe('the text'),
  bodyBlob: StagedBlob.optional().describe('the whole body, when it is longer than fits inline'),
  data: Json.optional().describe('structured payload (JSON)'),
  attachments: z.array(StagedAttachment).max(32).optional(),
  priority: Priority.default('normal').describe('low, normal or high'),
  expiresIn: z.int().positive().max(31_536_000).optional().describe('seconds until it expires unread'),
  expiresAt: Instant.optional().describe('instant at which it expires unread'),
  notBefore: Instant.optional().describe('instant before which nobody is shown it'),
};

const addressed = {
  to: z.array(z.string().min(1).max(65)).min(1).max(100).describe('names, #topics or @all'),
  thread: Thread.optional().describe('thread to put it in'),
  replyTo: MessageId.optional().describe('message it answers'),
  go: z.boolean().optional().describe('yes, to more than ten recipients of @all'),
};

/** What is true of one recipient when `send` answers. */
export const SentTo = z.object({
  to: z.string().describe('name the message went to'),
  asked: z.string().describe('name or topic it was addressed to'),
  state: DeliveryState,
  reason: z.string().optional(),
  presence: Presence,
  doors: z.array(Door),
  forwarded: z.boolean().describe('asked is an older name of to'),
});
export type SentTo = z.infer<typeof SentTo>;

export const Sent = z.object({
  id: MessageId,
  thread: z.string(),
  duplicate: z.boolean().describe('this id was sent before; nothing was added'),
  deliveries: z.array(SentTo),
});
export type Sent = z.infer<typeof Sent>;

const sendFailures = [
  'conflict',
  'fan_out',
  'invalid_data',
  'mailbox_full',
  'no_such_agent',
  'no_such_file',
  'no_such_message',
  'rate_limited',
  'repeated',
] as const;

export const sending = {
  ask: operation({
    summary: 'Send a request and wait for its answer',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'send',
    surfaces: ['cli', 'mcp', 'http'],
    failures: sendFailures,
    input: z.object({
      ...content,
      ...addressed,
      timeout: z.number().nonnegative().max(86_400).default(60).describe('seconds to wait for the answer'),
      reader: Reader.describe('who leases the answer'),
    }),
    output: z.object({
      sent: Sent,
      answer: Delivered.optional().describe('absent when the time ran out; it then comes as a message'),
    }),
  }),
  cancel: operation({
    summary: 'Take back a message that nobody has been handed yet',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'send',
    surfaces: ['cli', 'mcp', 'http'],
    failures: ['no_such_message'],
    input: z.object({ id: MessageId }),
    output: z.object({
      id: MessageId,
      cancelled: z.array(z.string()).describe('recipients who will not get it'),
      late: z.array(z.string()).describe('recipients who already have it'),
    }),
  }),
  reply: operation({
    summary: 'Answer a message, in its thread',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'send',
    surfaces: ['cli', 'mcp', 'http'],
    failures: sendFailures,
    input: z.object({
      ...content,
      message: MessageId.optional().describe('message to answer; the last one handed to me when absent'),
      intent: Intent.default('inform').describe('request: an answer is wanted'),
    }),
    output: Sent,
  }),
  send: operation({
    summary: 'Send a message to names, #topics or @all',
    home: 'broker',
    caller: 'agent',
    repeat: 'safe',
    scope: 'send',
    surfaces: ['cli', 'mcp', 'http'],
    failures: sendFailures,
    input: z.object({
      ...content,
      ...addressed,
      intent: Intent.default('inform').describe('request: an answer is wanted'),
      forwardOf: MessageId.optional().describe('pass this message on, unchanged, below the body'),
    }),
    output: Sent,
  }),
};
