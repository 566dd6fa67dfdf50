/** Puts a message and its deliveries into the tables; for what agents send and for what the system says. */
import type { AgentId } from '../../core/records/agents.ts';
import type { PostedBlob } from '../../core/records/sending.ts';
import type { BlobRef, Intent, Kind, Priority } from '../../protocol/model.ts';
import type { Engine } from '../engine/context.ts';
import { bucketOf, type Counts } from '../mailbox/counts.ts';

export interface NewMessage {
  readonly id: string;
  readonly sender: AgentId;
  readonly senderName: string;
  readonly kind: Kind;
  readonly verified: boolean;
  readonly client: string | null;
  readonly directory: string | null;
  readonly addressed: readonly string[];
  readonly thread: string;
  readonly replyTo: string | null;
  readonly forwardOf: string | null;
  readonly intent: Intent;
  readonly priority: Priority;
  readonly chain: number;
  readonly sentAt: number;
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
  readonly digest: Uint8Array;
  readonly data: string | null;
  readonly attachments: readonly PostedBlob[];
  readonly bodyBlob: BlobRef | null;
  readonly body: string;
}

const MESSAGE = `INSERT INTO message (seq, id, sender, sender_name, sender_kind, verified, client, directory,
    addressed, thread, reply_to, forward_of, intent, priority, depth, sent_at, not_before, expires_at, digest,
    data, attachments, body_blob, body)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)`;

const BLOB = 'INSERT OR IGNORE INTO message_blob (sha256, message) VALUES (?1, ?2)';
const ADOPTED = 'DELETE FROM orphan WHERE sha256 = ?1';

export function insertMessage({ sql, sequence }: Engine, message: NewMessage): number {
  const seq = sequence.next();
  sql.run(
    MESSAGE,
    seq,
    message.id,
    message.sender,
    message.senderName,
    message.kind,
    message.verified ? 1 : 0,
    message.client,
    message.directory,
    JSON.stringify(message.addressed),
    message.thread,
    message.replyTo,
    message.forwardOf,
    message.intent,
    message.priority,
    message.chain,
    message.sentAt,
    message.notBefore,
    message.expiresAt,
    message.digest,
    message.data,
    message.attachments.length === 0 ? null : JSON.stringify(message.attachments),
    message.bodyBlob === null ? null : JSON.stringify(message.bodyBlob),
    message.body,
  );
  const blobs = message.bodyBlob === null ? message.attachments : [message.bodyBlob, ...message.attachments];
  for (const { sha256 } of blobs) {
    sql.run(BLOB, sha256, seq);
    sql.run(ADOPTED, sha256);
  }
  return seq;
}

export interface NewDelivery {
  readonly agent: AgentId;
  readonly state: 'queued' | 'held' | 'refused';
  readonly reason: string | null;
  /** When it may be shown; null: now. */
  readonly dueAt: number | null;
  readonly expiresAt: number | null;
  readonly asked: string;
  readonly forwarded: boolean;
}

const DELIVERY = `INSERT INTO delivery
    (place, message, agent, filed, arrived, state, bytes, due_at, expires_at, ended_at, reason, asked, forwarded)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`;

/** Returns whether it can be shown at once. */
export function insertDelivery(
  { sql, sequence, filing }: Engine,
  message: { seq: number; bytes: number; sentAt: number },
  delivery: NewDelivery,
  counts: Counts,
): boolean {
  const { state } = delivery;
  const dueAt = state === 'queued' ? delivery.dueAt : null;
  const arrived = state === 'queued' && dueAt === null ? 1 : 0;
  const place = sequence.next();
  sql.run(
    DELIVERY,
    place,
    message.seq,
    delivery.agent,
    arrived === 1 ? 0 : 1,
    arrived,
    state,
    message.bytes,
    dueAt,
    delivery.expiresAt,
    state === 'refused' ? message.sentAt : null,
    delivery.reason,
    delivery.asked,
    delivery.forwarded ? 1 : 0,
  );
  if (arrived === 1) filing.add(delivery.agent, place);
  counts.move(delivery.agent, { from: null, to: bucketOf({ state, arrived }) });
  return arrived === 1;
}
