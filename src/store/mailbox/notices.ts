/** Messages from the system itself, written in the same step as what they report. */
import type { AgentId } from '../../core/records/agents.ts';
import type { NoticeText } from '../../core/records/upkeep.ts';
import { AGENT, isPaused, type AgentRow } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { isStored } from '../past/messages.ts';
import { insertDelivery, insertMessage, type NewMessage } from '../send/insert.ts';
import { Counts } from './counts.ts';
import { PAUSED } from './hold-release.ts';

/** Made by the first migration, before any other agent. */
export const SYSTEM = 1 as AgentId;

/** A mailbox with so many unread messages gets no notices: nobody reads it, and receipts say the same. */
const ROOM = 1_000;

const LISTENER = `SELECT ${AGENT} FROM agent a
  WHERE a.id = ?1 AND a.name_key IS NOT NULL AND a.kind NOT IN ('system', 'kernel', 'webhook') AND a.waiting < ?2`;

export interface Notice {
  readonly text: NoticeText;
  readonly to: Iterable<AgentId>;
  /** Thread of the message it is about; null: its own. */
  readonly thread: string | null;
  /** Also to a mailbox that nobody seems to read: what fills it may be what the notice is about. */
  readonly however?: 'full';
  readonly now: number;
}

/** Returns whose mailboxes it reached. The same notice a second time changes nothing. */
export function notify(engine: Engine, { text, to, thread, however, now }: Notice): readonly AgentId[] {
  const { sql } = engine;
  const listeners: AgentRow[] = [];
  const room = however === 'full' ? Number.MAX_SAFE_INTEGER : ROOM;
  for (const agent of new Set(to)) {
    const row = sql.get<AgentRow>(LISTENER, agent, room);
    if (row !== null) listeners.push(row);
  }
  if (listeners.length === 0 || isStored(sql, text.id)) return [];
  const addressed = listeners.map((row) => row.name);
  const seq = insertMessage(engine, messageOf(text, { addressed, thread: thread ?? text.id, now }));
  const counts = new Counts();
  const message = { seq, bytes: Buffer.byteLength(text.body), sentAt: now };
  const reached = listeners.filter((row) => {
    const paused = isPaused(row, now);
    const state = paused ? 'held' : 'queued';
    const reason = paused ? PAUSED : null;
    const where = { agent: row.id, asked: row.name, forwarded: false, dueAt: null, expiresAt: null };
    return insertDelivery(engine, message, { ...where, state, reason }, counts);
  });
  counts.save(sql);
  return reached.map((row) => row.id);
}

function messageOf(
  text: NoticeText,
  { addressed, thread, now }: { addressed: readonly string[]; thread: string; now: number },
): NewMessage {
  return {
    id: text.id,
    sender: SYSTEM,
    senderName: 'system',
    kind: 'system',
    verified: true,
    client: null,
    directory: null,
    addressed,
    thread,
    replyTo: null,
    forwardOf: null,
    intent: 'inform',
    priority: 'normal',
    chain: 0,
    sentAt: now,
    notBefore: null,
    expiresAt: null,
    digest: new Uint8Array(),
    data: null,
    attachments: [],
    bodyBlob: null,
    body: text.body,
  };
}
