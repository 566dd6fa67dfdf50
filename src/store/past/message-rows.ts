/** The message table: its rows as the core reads them. */
import type { AgentId } from '../../core/records/agents.ts';
import type { ReceiptRecord, StoredMessage } from '../../core/records/reading.ts';
import type { PostedBlob } from '../../core/records/sending.ts';
import { Failure } from '../../protocol/failures.ts';
import type { BlobRef, DeliveryState, Door, Intent, Kind, Priority } from '../../protocol/model.ts';

/** Of what was checked before it was stored. Throws `store_damaged`. */
export function readJson<Value>(json: string): Value {
  try {
    return JSON.parse(json) as Value;
  } catch (error) {
    throw new Failure('store_damaged', 'a row of the store holds JSON that cannot be read', { cause: error });
  }
}

export interface MessageRow {
  readonly seq: number;
  readonly id: string;
  readonly sender: AgentId;
  readonly sender_name: string;
  readonly sender_kind: Kind;
  readonly verified: number;
  readonly client: string | null;
  readonly directory: string | null;
  readonly addressed: string;
  readonly thread: string;
  readonly reply_to: string | null;
  readonly forward_of: string | null;
  readonly intent: Intent;
  readonly priority: Priority;
  readonly chain: number;
  readonly sent_at: number;
  readonly not_before: number | null;
  readonly expires_at: number | null;
  readonly data: string | null;
  readonly attachments: string | null;
  readonly body_blob: string | null;
  readonly body: string;
}

export const MESSAGE = `m.seq, m.id, m.sender, m.sender_name, m.sender_kind, m.verified, m.client, m.directory,
  m.addressed, m.thread, m.reply_to, m.forward_of, m.intent, m.priority, m.depth AS chain, m.sent_at, m.not_before, m.expires_at,
  m.data, m.attachments, m.body_blob, m.body`;

export function storedMessage(row: MessageRow): StoredMessage {
  return {
    id: row.id,
    from: {
      id: row.sender,
      name: row.sender_name,
      kind: row.sender_kind,
      verified: row.verified === 1,
      client: row.client,
      directory: row.directory,
    },
    to: readJson<string[]>(row.addressed),
    sentAt: row.sent_at,
    body: row.body,
    bodyBlob: row.body_blob === null ? null : readJson<BlobRef>(row.body_blob),
    data: row.data,
    attachments: attachmentsOf(row),
    thread: row.thread,
    replyTo: row.reply_to,
    forwardOf: row.forward_of,
    intent: row.intent,
    priority: row.priority,
    notBefore: row.not_before,
    expiresAt: row.expires_at,
  };
}

export function attachmentsOf(row: Pick<MessageRow, 'attachments'>): readonly PostedBlob[] {
  return row.attachments === null ? [] : readJson<PostedBlob[]>(row.attachments);
}

export interface ReceiptRow {
  readonly message: number;
  readonly agent: AgentId;
  readonly name: string;
  readonly confirmed_doors: string;
  readonly state: DeliveryState;
  readonly door: Door | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly offered_at: number | null;
  readonly offered_by: string | null;
  readonly handed_at: number | null;
  readonly seen_at: number | null;
  readonly acked_at: number | null;
  readonly ended_at: number | null;
}

export const RECEIPT = `d.message, d.agent, a.name, a.confirmed_doors, d.state, d.door, d.reason, d.attempts, d.offered_at, d.offered_by,
  d.handed_at, d.seen_at, d.acked_at, d.ended_at`;

export function receiptRecord(row: ReceiptRow): ReceiptRecord {
  return {
    agent: row.agent,
    to: row.name,
    state: row.state,
    door: row.door,
    reason: row.reason,
    attempts: row.attempts,
    offeredAt: row.offered_at,
    offeredBy: doorsOf(row.offered_by),
    handedAt: row.handed_at,
    seenAt: row.seen_at,
    ackedAt: row.acked_at,
    endedAt: row.ended_at,
    confirmedDoors: doorsOf(row.confirmed_doors),
  };
}

export function doorsOf(json: string | null): readonly Door[] {
  return json === null ? [] : readJson<Door[]>(json);
}
