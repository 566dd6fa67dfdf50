/**
 * import: a message of another system becomes one here, under the id made of where it stood there. It
 * is no send: times and marks of being read are those it had, nothing limits it, and nobody is woken.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Imported, ImportedMessage } from '../../core/records/importing.ts';
import type { DeliveryState } from '../../protocol/model.ts';
import type { AgentName } from '../../protocol/names.ts';
import { agentMeant, insertAgent } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { Counts, bucketOf } from '../mailbox/counts.ts';
import { MUTED } from '../mailbox/hold-release.ts';
import { insertMessage } from './insert.ts';
import { mailboxOf } from './recipients.ts';
import { readsNothing } from './verdict.ts';

const NOTE = 'INSERT INTO imported (id, at) VALUES (?1, ?2)';
const KNOWN = `SELECT value AS id FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM imported WHERE id = value)
  OR EXISTS (SELECT 1 FROM message WHERE message.id = value)`;
const DELIVERY = `INSERT INTO delivery
    (place, message, agent, filed, arrived, state, bytes, handed_at, ended_at, reason, asked, forwarded, imported)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1)`;

export function importMethods(engine: Engine): Pick<Store, 'import' | 'imported'> {
  return {
    import: (step) => engine.commits.write(() => takeOver(engine, step)),
    imported: async (ids) => knownOf(engine, ids),
  };
}

function knownOf({ sql }: Engine, ids: readonly string[]): readonly string[] {
  return sql.all<{ id: string }>(KNOWN, JSON.stringify(ids)).map(({ id }) => id);
}

function takeOver(
  engine: Engine,
  { messages, now }: { messages: readonly ImportedMessage[]; now: number },
): Imported {
  const known = new Set(
    knownOf(
      engine,
      messages.map(({ id }) => id),
    ),
  );
  const added: string[] = [];
  const refused = new Set<string>();
  const counts = new Counts();
  for (const message of messages) {
    if (known.has(message.id)) continue;
    known.add(message.id);
    added.push(message.id);
    engine.sql.run(NOTE, message.id, now);
    if (deliver(engine, message, { counts, now }) === 'refused') refused.add(message.to);
  }
  counts.save(engine.sql);
  return {
    added,
    known: messages.map(({ id }) => id).filter((id) => !added.includes(id)),
    refused: [...refused],
  };
}

function deliver(
  engine: Engine,
  message: ImportedMessage,
  { counts, now }: { counts: Counts; now: number },
): DeliveryState {
  const { sql, sequence, filing } = engine;
  const sender = whoIs(engine, message.sender, now);
  const recipient = whoIs(engine, message.to, now);
  const seq = insertMessage(engine, {
    id: message.id,
    sender,
    senderName: message.sender,
    kind: 'agent',
    // Nobody showed a key when it was sent.
    verified: false,
    client: message.client,
    directory: null,
    addressed: [message.to],
    thread: message.id,
    replyTo: null,
    forwardOf: null,
    intent: 'inform',
    priority: 'normal',
    chain: 0,
    sentAt: message.sentAt,
    notBefore: null,
    expiresAt: null,
    // Of no send: one that comes with this id is a conflict.
    digest: new Uint8Array(),
    data: message.data,
    attachments: message.attachments,
    bodyBlob: message.bodyBlob,
    body: message.body,
  });
  const { state, reason } = stateOf(engine, message, { sender, recipient });
  const arrived = state === 'held' || state === 'refused' ? 0 : 1;
  const place = sequence.next();
  sql.run(
    DELIVERY,
    place,
    seq,
    recipient,
    arrived === 1 ? 0 : 1,
    arrived,
    state,
    Buffer.byteLength(message.body),
    message.read?.at ?? null,
    state === 'refused' ? now : null,
    reason,
    message.to,
    0,
  );
  if (arrived === 1) filing.add(recipient, place);
  counts.move(recipient, { from: null, to: bucketOf({ state, arrived }) });
  return state;
}

function whoIs({ sql }: Engine, name: AgentName, now: number): AgentId {
  return agentMeant(sql, name, now)?.id ?? insertAgent(sql, { name, kind: null, keyHash: null, now });
}

/** What was read there is history; what was not waits here, but for those who read nothing. */
function stateOf(
  engine: Engine,
  { read }: ImportedMessage,
  { sender, recipient }: { sender: AgentId; recipient: AgentId },
): { state: 'queued' | 'handed' | 'held' | 'refused'; reason: string | null } {
  if (read !== null) return { state: 'handed', reason: read.words };
  const mailbox = mailboxOf(engine, recipient, sender);
  const deaf =
    mailbox?.kind === 'kernel' ? 'a kernel runs nothing of before' : readsNothing(mailbox?.kind ?? null);
  if (deaf !== null) return { state: 'refused', reason: deaf };
  return mailbox?.muted === 1 ? { state: 'held', reason: MUTED } : { state: 'queued', reason: null };
}
