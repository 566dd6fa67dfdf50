/** What the system itself says, written in the same step as its cause. */
import type { AgentId, NoticeText } from '../../core/records.ts';
import { AGENT, type AgentRow } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { insertDelivery, insertMessage } from '../send/insert.ts';
import { Counts } from './counts.ts';
import { PAUSED } from './hold-release.ts';

/** Made by the first migration, before any other agent. */
export const SYSTEM = 1 as AgentId;

/** A mailbox nobody reads is not filled further with what the receipts say anyway. */
const ROOM = 1_000;

const KNOWN = 'SELECT 1 FROM message WHERE id = ?1';
const LISTENER = `SELECT ${AGENT} FROM agent a
  WHERE a.id = ?1 AND a.name_key IS NOT NULL AND a.kind NOT IN ('system', 'kernel') AND a.waiting < ${ROOM}`;

export interface Notice {
  readonly text: NoticeText;
  readonly to: Iterable<AgentId>;
  /** Thread of the message it is about; null: its own. */
  readonly thread: string | null;
  readonly now: number;
}

/** Returns whose mailboxes it reached. The same notice a second time changes nothing. */
export function notify(engine: Engine, { text, to, thread, now }: Notice): readonly AgentId[] {
  const { sql } = engine;
  const listeners: AgentRow[] = [];
  for (const agent of new Set(to)) {
    const row = sql.get<AgentRow>(LISTENER, agent);
    if (row !== null) listeners.push(row);
  }
  if (listeners.length === 0 || sql.get(KNOWN, text.id) !== null) return [];
  const seq = insertMessage(engine, {
    id: text.id,
    sender: SYSTEM,
    senderName: 'system',
    kind: 'system',
    verified: true,
    client: null,
    directory: null,
    addressed: listeners.map((row) => row.name),
    thread: thread ?? text.id,
    replyTo: null,
    forwardOf: null,
    intent: 'inform',
    priority: 'normal',
    depth: 0,
    sentAt: now,
    notBefore: null,
    expiresAt: null,
    digest: new Uint8Array(),
    data: null,
    attachments: [],
    bodyBlob: null,
    body: text.body,
  });
  const counts = new Counts();
  const message = { seq, bytes: Buffer.byteLength(text.body), sentAt: now };
  const reached = listeners.filter((row) => {
    const paused = row.paused_until !== null && row.paused_until > now;
    const state = paused ? 'held' : 'queued';
    const reason = paused ? PAUSED : null;
    const where = { agent: row.id, asked: row.name, forwarded: false, dueAt: null, expiresAt: null };
    return insertDelivery(engine, message, { ...where, state, reason }, counts);
  });
  counts.save(sql);
  return reached.map((row) => row.id);
}
