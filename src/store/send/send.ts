/** send: one posting becomes a message and its deliveries, or nothing at all. */
import type { Store } from '../../core/ports.ts';
import type { AgentId, Posted, PostedBlob, PostedTo, Posting, Refusal } from '../../core/records.ts';
import { Failure } from '../../protocol/failures.ts';
import { formatAddress } from '../../protocol/names.ts';
import { anchorOf, insertAgent } from '../agents/rows.ts';
import { saveSeen, type Engine } from '../engine/context.ts';
import { isRefusal, refuse } from '../engine/refusal.ts';
import { Counts } from '../mailbox/counts.ts';
import { endPause, pauseLapsed } from '../mailbox/hold-release.ts';
import { notify } from '../mailbox/notices.ts';
import { attachmentsOf } from '../past/message-rows.ts';
import { digestOf, knownMessage, repeated } from './duplicate.ts';
import { insertDelivery, insertMessage, type NewDelivery } from './insert.ts';
import { acknowledge, originOf, senderOf, type Origin, type SenderRow } from './origin.ts';
import { mailboxOf, resolveAddresses, type Recipient } from './recipients.ts';
import { chainReason, judge, roomFor } from './verdict.ts';

const WEEK = 7 * 24 * 3_600_000;

export function sendMethods(engine: Engine): Pick<Store, 'send'> {
  return {
    send: (batch) =>
      Promise.all(
        batch.map((posting) =>
          engine.commits.write(() => post(engine, posting)).catch((error: unknown) => failed(posting, error)),
        ),
      ),
  };
}

/** A fault of the whole store is everybody's; one of a single posting must not touch the others. */
function failed(posting: Posting, error: unknown): Refusal {
  if (error instanceof Failure || !(error instanceof Error)) throw error;
  return refuse('internal', `message ${posting.id} could not be stored: ${error.message}`);
}

function post(engine: Engine, posting: Posting): Posted {
  const { sql } = engine;
  const digest = digestOf(posting);
  const known = knownMessage(engine, posting.id);
  if (known !== null) return repeated(engine, posting, { known, digest });
  const sender = senderOf(engine, posting.sender);
  if (sender === null) return refuse('not_registered', 'the sender was removed');
  const origin = originOf(engine, posting, sender);
  if (!origin.ok) return origin;
  const recipients = posting.answers
    ? answeredSender(engine, sender, origin)
    : resolveAddresses(engine, posting);
  if (isRefusal(recipients)) return recipients;
  const full = roomFor(engine, posting, recipients);
  if (full !== null) return full;

  // Nothing refuses from here on.
  const { answered } = origin;
  const depthNow = answered === null ? sender.depth : acknowledge(engine, answered, sender, posting.now);
  const depth = posting.provenance.kind === 'agent' ? depthNow + 1 : 0;
  engine.presence.saw(sender.id, posting.now);
  const thread = posting.thread ?? answered?.thread ?? posting.id;
  const content = contentOf(posting, origin);
  const seq = insertMessage(engine, {
    ...content,
    ...posting.provenance,
    id: posting.id,
    sender: sender.id,
    senderName: sender.name,
    addressed: posting.answers ? recipients.map(({ name }) => name) : posting.to.map(formatAddress),
    thread,
    replyTo: answered?.id ?? null,
    forwardOf: posting.forwardOf,
    intent: posting.intent,
    priority: posting.priority,
    depth,
    sentAt: posting.now,
    notBefore: posting.notBefore,
    expiresAt: posting.expiresAt,
    digest,
  });
  const message = { seq, bytes: Buffer.byteLength(content.body), sentAt: posting.now };
  const counts = new Counts();
  const wake = new Set<AgentId>();
  const deliveries = recipients.map((recipient): PostedTo => {
    const agent =
      recipient.mailbox?.id ??
      insertAgent(sql, { name: recipient.name, kind: null, keyHash: null, now: posting.now });
    const verdict = judge(posting, recipient.mailbox, depth);
    if (recipient.mailbox !== null && pauseLapsed(recipient.mailbox, posting.now)) {
      // What the pause held was sent before this, and must arrive before it.
      for (const woken of endPause(engine, agent, posting.now).wake) wake.add(woken);
    }
    const unborn = recipient.mailbox === null || recipient.mailbox.kind === null;
    const delivery: NewDelivery = {
      ...verdict,
      agent,
      asked: recipient.asked,
      forwarded: recipient.forwarded,
      dueAt: posting.notBefore !== null && posting.notBefore > posting.now ? posting.notBefore : null,
      expiresAt: unborn
        ? Math.min(posting.expiresAt ?? Infinity, posting.unbornExpiresAt)
        : posting.expiresAt,
    };
    if (insertDelivery(engine, message, delivery, counts)) wake.add(agent);
    return {
      ...verdict,
      agent,
      name: recipient.name,
      asked: recipient.asked,
      forwarded: recipient.forwarded,
      unborn,
      anchor: recipient.mailbox === null ? null : anchorOf(recipient.mailbox),
      sessions: engine.presence.of(agent, posting.now),
    };
  });
  counts.save(sql);
  const chained = deliveries.some(({ state, reason }) => state === 'held' && reason === chainReason(depth));
  if (chained) for (const told of tellPeople(engine, posting)) wake.add(told);
  return { ok: true, duplicate: false, thread, deliveries, wake: [...wake] };
}

function answeredSender(
  engine: Engine,
  sender: SenderRow,
  { answered }: Origin,
): readonly Recipient[] | Refusal {
  if (answered === null) return refuse('no_such_message', 'wanted a message to answer, found none');
  const mailbox = mailboxOf(engine, answered.sender, sender.id);
  if (mailbox === null) return refuse('no_such_agent', `whoever sent ${answered.id} was removed`);
  return [{ mailbox, name: mailbox.name, asked: mailbox.name, forwarded: false }];
}

const PEOPLE = `SELECT id FROM agent WHERE kind = 'human' AND name_key IS NOT NULL AND seen_at >= ?1`;

function tellPeople(engine: Engine, { heldNotice, now }: Posting): readonly AgentId[] {
  if (heldNotice === null) return [];
  saveSeen(engine);
  const people = engine.sql.all<{ id: AgentId }>(PEOPLE, now - WEEK).map(({ id }) => id);
  return notify(engine, { text: heldNotice, to: people, thread: null, now });
}

function contentOf(
  posting: Posting,
  { passedOn }: Origin,
): Pick<Posting, 'body' | 'bodyBlob' | 'data'> & {
  attachments: readonly PostedBlob[];
} {
  const { body, bodyBlob, data, attachments } = posting;
  if (passedOn === null) return { body, bodyBlob, data, attachments };
  return {
    body: body === '' && bodyBlob === null ? passedOn.body : body,
    bodyBlob:
      bodyBlob ??
      (passedOn.body_blob === null ? null : (JSON.parse(passedOn.body_blob) as Posting['bodyBlob'])),
    data: data ?? passedOn.data,
    attachments: [...attachments, ...attachmentsOf(passedOn)],
  };
}
