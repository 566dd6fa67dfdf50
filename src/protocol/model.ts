/**
 * The words of the product as shapes on the wire (design §2): messages, deliveries, agents,
 * attachments. Times are ISO 8601 in UTC, sizes are bytes, ids are UUIDv7.
 */
import { z } from 'zod';
import type { FailureCode } from './failures.ts';
import { NAME_RULE, isName, isReserved } from './names.ts';

/** Longest body kept inline, in UTF-8 bytes (design §6); longer ones go by reference. */
export const INLINE_BODY_BYTES = 65_536;
/** Bytes of body that one hand-over carries unless asked for more (design §6). */
export const HANDOVER_BYTES = 8_192;

const utf8 = new TextEncoder();

/** Compared, and kept, in lower case. */
export const MessageId = z.uuid().toLowerCase().brand<'MessageId'>();
export type MessageId = z.infer<typeof MessageId>;

/** A rule whose breaking has a failure of its own; the dispatcher reads `params.code`. */
const failing = (code: FailureCode) => ({ params: { code } });

export const Name = z
  .string()
  .refine(isName, { error: `wanted a name of ${NAME_RULE}`, ...failing('invalid_name') });
/** A name somebody may have. */
export const OwnName = Name.refine((name) => !isReserved(name), {
  error: 'wanted a name somebody can have, found a reserved one',
  ...failing('invalid_name'),
});
export const Instant = z.iso.datetime().describe('ISO 8601, UTC');

export const kinds = ['human', 'agent', 'script', 'webhook', 'kernel', 'system'] as const;
export const Kind = z.enum(kinds);
export type Kind = z.infer<typeof Kind>;

export const Intent = z.enum(['inform', 'request']);
export type Intent = z.infer<typeof Intent>;

export const Priority = z.enum(['low', 'normal', 'high']);
export type Priority = z.infer<typeof Priority>;

/**
 * What is known of one message for one recipient; each state claims only what was proven (design §2).
 * `cancelled` is the sender's own withdrawal before any hand-over.
 */
export const deliveryStates = [
  'queued',
  'offered',
  'handed',
  'seen',
  'acked',
  'held',
  'expired',
  'refused',
  'dead',
  'cancelled',
] as const;
export const DeliveryState = z.enum(deliveryStates);
export type DeliveryState = z.infer<typeof DeliveryState>;

/** A way of putting a message before a reader (design §2). */
export const doors = [
  'cli',
  'watch',
  'ask',
  'tool',
  'hook',
  'channel',
  'monitor',
  'queue',
  'notice',
  'sse',
  'http',
  'kernel',
] as const;
export const Door = z.enum(doors);
export type Door = z.infer<typeof Door>;

export const Presence = z.enum(['online', 'idle', 'gone', 'unborn']);
export type Presence = z.infer<typeof Presence>;

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Bytes kept outside the message, by content. */
export const BlobRef = z.object({
  sha256: Sha256,
  size: z.int().nonnegative(),
  type: z.string().max(255).optional().describe('media type'),
});
export type BlobRef = z.infer<typeof BlobRef>;

/** A blob that a client has put into the staging folder and that a send is to adopt. */
export const StagedBlob = BlobRef.extend({
  staged: z.uuid().describe('name of the file in the staging folder'),
});
export type StagedBlob = z.infer<typeof StagedBlob>;

const attachmentFacts = {
  name: z.string().min(1).max(255).describe('file name as the sender knew it'),
  role: z.enum(['file', 'stdout', 'stderr']).default('file'),
};
export const StagedAttachment = StagedBlob.extend(attachmentFacts);
export type StagedAttachment = z.infer<typeof StagedAttachment>;

const where = {
  path: z.string().describe('where the bytes are on this machine'),
  missing: z.literal(true).optional().describe('the file is not there any more, or not all of it'),
};

export const Attachment = BlobRef.extend(attachmentFacts).extend(where);
export type Attachment = z.infer<typeof Attachment>;

/**
 * Structured payload, as `JSON.parse` made it: nothing is rebuilt on the way, so that a key such as
 * `__proto__` arrives like any other. The frame it came in bounds its size and depth.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export const Json = z.custom<Json>((value) => value !== undefined);

/** Kept as it is: half a surrogate pair has no UTF-8, and would come back from the store as another character. */
const WellFormed = z
  .string()
  .refine((text) => text.isWellFormed(), { error: 'wanted well-formed Unicode, found a lone surrogate' });

/** A thread as its sender names it. */
export const Thread = WellFormed.min(1).max(64);
/** Who leases, as it names itself. */
export const Reader = WellFormed.min(8).max(64);

export const Body = WellFormed.refine(
  (text) => text.length <= INLINE_BODY_BYTES && utf8.encode(text).length <= INLINE_BODY_BYTES,
  {
    error: `wanted a body of at most ${INLINE_BODY_BYTES} bytes; longer ones go as a staged blob`,
    ...failing('too_large'),
  },
);

/** Who sent it, stamped by the daemon from the session's credential, never from a field of the caller's. */
export const Sender = z.object({
  name: z.string(),
  kind: Kind,
  verified: z.boolean(),
  client: z.string().optional().describe('program the sender used'),
  directory: z.string().optional(),
});
export type Sender = z.infer<typeof Sender>;

export const Message = z.object({
  id: MessageId,
  from: Sender,
  to: z.array(z.string()).describe('as it was addressed: names, #topics, @all'),
  sentAt: Instant,
  body: z.string().describe('the whole body, or its first lines when bodyBlob is there'),
  bodyBlob: BlobRef.extend(where).optional(),
  data: Json.optional(),
  attachments: z.array(Attachment).optional(),
  thread: z.string(),
  replyTo: MessageId.optional(),
  forwardOf: MessageId.optional(),
  intent: Intent,
  priority: Priority,
  notBefore: Instant.optional(),
  expiresAt: Instant.optional(),
});
export type Message = z.infer<typeof Message>;

/** A message as handed to one recipient. */
export const Delivered = Message.extend({
  attempt: z.int().positive().describe('fencing token: confirm with the attempt that was fetched'),
  again: z.boolean().describe('an earlier hand-over of it was not confirmed'),
  offeredBy: z.array(Door).optional().describe('doors that have shown it and cannot confirm'),
});
export type Delivered = z.infer<typeof Delivered>;

/** What became of one message for one recipient; a time is there only when that was proven. */
export const Receipt = z.object({
  to: z.string(),
  state: DeliveryState,
  door: Door.optional(),
  reason: z.string().optional(),
  attempts: z.int().nonnegative(),
  offeredAt: Instant.optional(),
  offeredBy: z.array(Door).optional(),
  handedAt: Instant.optional(),
  seenAt: Instant.optional(),
  ackedAt: Instant.optional(),
  endedAt: Instant.optional(),
});
export type Receipt = z.infer<typeof Receipt>;

const reach = {
  doors: z.array(Door).describe('ways by which a message is pushed to it now'),
  confirmedDoors: z.array(Door).describe('doors proven at least once to reach it'),
};

/** With what is known of the ways to that recipient. */
export const ReceiptAndReach = Receipt.extend(reach);

export const SessionView = z.object({
  client: z.string(),
  role: z.enum(['holder', 'satellite']),
  doors: z.array(Door),
  pid: z.int().optional(),
  directory: z.string().optional(),
  project: z.string().optional(),
  branch: z.string().optional(),
  since: Instant,
});
export type SessionView = z.infer<typeof SessionView>;

export const AgentView = z.object({
  name: z.string(),
  kind: Kind,
  presence: Presence,
  you: z.boolean(),
  about: z.string().optional().describe('what it says it is working on'),
  ...reach,
  sessions: z.array(SessionView),
  waiting: z.int().nonnegative(),
  held: z.int().nonnegative(),
  seenAt: Instant.optional(),
  pausedUntil: Instant.optional(),
  forwards: z.array(z.string()).describe('older names that still lead here'),
  topics: z.array(z.string()),
});
export type AgentView = z.infer<typeof AgentView>;
