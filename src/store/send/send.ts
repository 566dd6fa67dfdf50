/**
 * send/: from a posting to a message and its deliveries, in one step of the engine. It may not know how
 * a delivery goes on afterwards (mailbox/), except for a pause that ends because something is sent.
 *
 * send: one posting becomes a message and its deliveries, or nothing at all. This is the hot path:
 * every statement and every column here is paid for by every send.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Refusal } from '../../core/outcome.ts';
import type { Posted, PostedBlob, PostedTo, Posting } from '../../core/records/sending.ts';
import { Failure } from '../../protocol/failures.ts';
import type { BlobRef } from '../../protocol/model.ts';
import { formatAddress } from '../../protocol/names.ts';
import { anchorOf, insertAgent, pauseLapsed } from '../agents/rows.ts';
import { saveSeen, type Engine } from '../engine/context.ts';
import { isRefusal, refuse } from '../engine/refusal.ts';
import { continued, wordOf, type Chain } from '../mailbox/chain-depth.ts';
import { Counts } from '../mailbox/counts.ts';
import { endPause } from '../mailbox/hold-release.ts';
import { notify } from '../mailbox/notices.ts';
import { attachmentsOf, readJson } from '../past/message-rows.ts';
import { digestOf, knownMessage, repeated } from './duplicate.ts';
import { insertDelivery, insertMessage, type NewDelivery } from './insert.ts';
import { acknowledge, originOf, senderOf, type Origin, type SenderRow } from './origin.ts';
import { mailboxOf, resolveAddresses, type Recipient } from './recipients.ts';
import { judge, roomFor } from './verdict.ts';

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

/** A fault of the whole store fails the batch; any other error is the outcome of its one posting. */
function failed(posting: Posting, error: unknown): Refusal {
  if (error instanceof Failure || !(error instanceof Error)) throw error;
  return refuse('internal', `message ${posting.id} could not be stored: ${error.message}`);
}

function post(engine: Engine, posting: Posting): Posted {
  const known = knownMessage(engine, posting.id);
  if (known !== null) return repeated(engine, posting, known);
  const sender = senderOf(engine, posting.sender);
  if (sender === null) return refuse('not_registered', 'the sender was removed');
  const origin = originOf(engine, posting, sender);
  if (!origin.ok) return origin;
  const recipients = posting.answers
    ? answeredSender(engine, sender, origin)
    : resolveAddresses(engine, posting);
  if (isRefusal(recipients)) return recipients;
  return roomFor(engine, posting, recipients) ?? accept(engine, posting, sender, origin, recipients);
}

/** Nothing refuses from here on. */
function accept(
  engine: Engine,
  posting: Posting,
  sender: SenderRow,
  origin: Origin,
  recipients: readonly Recipient[],
): Posted {
  const { answered } = origin;
  const reached = answered === null ? sender.chain : acknowledge(engine, answered, sender, posting.now);
  const chain = chainOf(engine, posting, { kind: sender.kind, chain: reached });
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
    chain,
    sentAt: posting.now,
    notBefore: posting.notBefore,
    expiresAt: posting.expiresAt,
    digest: digestOf(posting),
  });
  const bytes = Buffer.byteLength(content.body);
  return deliverAll(engine, posting, recipients, { seq, bytes, sentAt: posting.now, chain, thread });
}

const LONGEST = 'SELECT max(depth) AS chain FROM agent WHERE id IN (SELECT value FROM json_each(?1))';

/**
 * A script is no agent and is never held, but what comes back through it still follows from what went in.
 * A person's scripts, webhooks and kernels begin chains of their own.
 */
function chainOf(
  engine: Engine,
  { provenance, kin }: Posting,
  sender: Pick<SenderRow, 'kind' | 'chain'>,
): Chain {
  if (provenance.kind === 'script') return sender.kind === 'script' ? sender.chain : 0;
  if (provenance.kind !== 'agent') return 0;
  const others =
    kin.length === 0 ? null : engine.sql.get<{ chain: Chain | null }>(LONGEST, JSON.stringify(kin));
  return continued(Math.max(sender.chain, others?.chain ?? 0));
}

/** The message that was just inserted. */
interface Inserted {
  readonly seq: number;
  readonly bytes: number;
  readonly sentAt: number;
  readonly chain: Chain;
  readonly thread: string;
}

/** What the deliveries of one message have in common. */
interface Round {
  readonly posting: Posting;
  readonly message: Inserted;
  readonly counts: Counts;
  readonly wake: Set<AgentId>;
  /** Whose copy the loop guard holds. */
  readonly looped: AgentId[];
}

function deliverAll(
  engine: Engine,
  posting: Posting,
  recipients: readonly Recipient[],
  message: Inserted,
): Posted {
  const counts = new Counts(message.chain);
  const round: Round = { posting, message, counts, wake: new Set(), looped: [] };
  const deliveries: PostedTo[] = [];
  for (const recipient of recipients) deliveries.push(deliver(engine, recipient, round));
  round.counts.save(engine.sql);
  if (round.looped.length > 0) for (const told of tellPerson(engine, round)) round.wake.add(told);
  const word = wordOf(message.chain);
  return { ok: true, duplicate: false, word, thread: message.thread, deliveries, wake: [...round.wake] };
}

function deliver(engine: Engine, recipient: Recipient, round: Round): PostedTo {
  const { posting, message, counts, wake, looped } = round;
  const { mailbox, name, asked, forwarded } = recipient;
  const { now, notBefore } = posting;
  const agent = mailbox?.id ?? insertAgent(engine.sql, { name, kind: null, keyHash: null, now });
  const { looped: isLooped, ...verdict } = judge(posting, mailbox, message.chain);
  if (isLooped === true) looped.push(agent);
  if (mailbox !== null && pauseLapsed(mailbox, now)) {
    // What the pause held was sent before this, and must arrive before it.
    for (const woken of endPause(engine, agent, now).wake) wake.add(woken);
  }
  const unborn = mailbox === null || mailbox.kind === null;
  const delivery: NewDelivery = {
    ...verdict,
    agent,
    asked,
    forwarded,
    dueAt: notBefore !== null && notBefore > now ? notBefore : null,
    expiresAt: unborn ? Math.min(posting.expiresAt ?? Infinity, posting.unbornExpiresAt) : posting.expiresAt,
  };
  if (insertDelivery(engine, message, delivery, counts)) wake.add(agent);
  return {
    ...verdict,
    agent,
    name,
    asked,
    forwarded,
    unborn,
    anchor: mailbox === null ? null : anchorOf(mailbox),
    seenAt: engine.presence.seenAt(agent) ?? mailbox?.seen_at ?? null,
    sessions: engine.presence.of(agent, now),
  };
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

/** Where nobody is known as a person (no one ever came from a terminal) the agents concerned have one each. */
function tellPerson(engine: Engine, { posting, message, looped }: Round): readonly AgentId[] {
  const { heldNotice, sender, now } = posting;
  const text = heldNotice?.(wordOf(message.chain)) ?? null;
  if (text === null) return [];
  saveSeen(engine);
  const people = engine.sql.all<{ id: AgentId }>(PEOPLE, now - WEEK).map(({ id }) => id);
  const to = people.length > 0 ? people : [sender, ...looped];
  // A storm that everybody is sent fills the person's mailbox first.
  return notify(engine, { text, to, thread: null, however: 'full', now });
}

function contentOf(
  posting: Posting,
  { passedOn }: Origin,
): Pick<Posting, 'body' | 'bodyBlob' | 'data'> & {
  attachments: readonly PostedBlob[];
} {
  const { body, bodyBlob, data, attachments } = posting;
  if (passedOn === null) return { body, bodyBlob, data, attachments };
  const whole = passedOn.body_blob === null ? null : readJson<BlobRef>(passedOn.body_blob);
  const files = [...attachments, ...attachmentsOf(passedOn)];
  const both = { data: data ?? passedOn.data };
  if (body === '' && bodyBlob === null) {
    return { ...both, body: passedOn.body, bodyBlob: whole, attachments: files };
  }
  // The sender's own words stay the body; a long original goes along as a file.
  if (whole !== null) files.push({ ...whole, name: `${passedOn.id}.txt`, role: 'file' });
  return { ...both, body, bodyBlob, attachments: files };
}
