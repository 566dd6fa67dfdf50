/** Operations about the daemon and its store. */
import { z } from 'zod';
import { Body, Instant, Json, MessageId, OwnName, StagedAttachment, StagedBlob } from '../model.ts';
import { operation } from './define.ts';

export const upkeep = {
  'daemon.reload': operation({
    summary: 'Read config.json again',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'manage',
    surfaces: [],
    failures: ['invalid_data'],
    input: z.object({}),
    output: z.object({ reloaded: z.literal(true) }),
  }),
  'daemon.status': operation({
    summary: 'Facts about the running daemon',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli', 'http'],
    failures: [],
    input: z.object({}),
    output: z.object({
      pid: z.int(),
      version: z.string(),
      protocol: z.int(),
      startedAt: Instant,
      home: z.string(),
      socket: z.string(),
      connections: z.int(),
      memoryBytes: z.int(),
      agents: z.int(),
      messages: z.int(),
      waiting: z.int(),
      held: z.int(),
      dead: z.int(),
      storeBytes: z.int(),
      walBytes: z.int(),
      schema: z.int(),
    }),
  }),
  'daemon.stop': operation({
    summary: 'Finish what is under way, then end the daemon',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: [],
    input: z.object({ reason: z.string().max(200).default('asked to stop') }),
    output: z.object({ pid: z.int() }),
  }),
  'store.backup': operation({
    summary: 'Copy the store while it is in use',
    home: 'broker',
    caller: 'anyone',
    repeat: 'unsafe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: ['cannot_create'],
    input: z.object({}),
    output: z.object({
      path: z.string().describe('the copy, in the home; the caller moves it where it wants'),
      bytes: z.int(),
      blobs: z.array(z.string()).describe('paths of the blobs that belong to it'),
    }),
  }),
  'store.import': operation({
    summary: 'Take over messages of another system, with their times and what was read there',
    home: 'broker',
    // Who sent them is what the other system says: an agent must not come to speak for another that way.
    caller: 'human',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: ['cannot_create', 'invalid_data', 'no_such_file'],
    input: z.object({
      from: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,39}$/)
        .describe('the system they come from'),
      messages: z
        .array(
          z.object({
            id: MessageId.describe('always the same for the same message there'),
            sender: OwnName,
            to: OwnName,
            sentAt: Instant,
            read: z.boolean().describe('it was handed over there, and is not again'),
            readAt: Instant.optional(),
            body: Body,
            bodyBlob: StagedBlob.optional(),
            data: Json.optional(),
            attachments: z.array(StagedAttachment).max(32).optional(),
          }),
        )
        .max(500)
        .describe('in the order in which they were sent'),
    }),
    output: z.object({
      added: z.int(),
      known: z.int().describe('taken over before'),
      refused: z.array(z.string()).describe('recipients that read nothing here'),
    }),
  }),
  'store.imported': operation({
    summary: 'Which of these messages were taken over already',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'read',
    surfaces: ['cli'],
    failures: [],
    input: z.object({ ids: z.array(MessageId).max(1_000) }),
    output: z.object({ known: z.array(MessageId) }),
  }),
  'store.verify': operation({
    summary: 'Check the store: pages, indexes, counters, blobs',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'manage',
    surfaces: ['cli'],
    failures: [],
    input: z.object({}),
    output: z.object({
      ok: z.boolean(),
      problems: z.array(z.string()),
      missingBlobs: z.array(z.string()),
    }),
  }),
};
