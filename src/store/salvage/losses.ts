/** Which messages are known to have been there and are not any more, and which are not as they were sent. */
import type { Sql } from '../engine/connection.ts';
import type { Forest } from './trees.ts';

export interface LostMessage {
  readonly seq: number;
  /** As the index of ids has it. */
  readonly id: string | null;
  readonly sender: number | null;
  readonly recipients: readonly number[];
}

const MISSING = `SELECT message AS seq, group_concat(agent) AS agents FROM delivery
  WHERE message NOT IN (SELECT seq FROM message) GROUP BY message`;
const DROP = 'DELETE FROM delivery WHERE message NOT IN (SELECT seq FROM message)';
const HAS = 'SELECT 1 FROM message WHERE seq = ?1';

/** Also takes the deliveries of such messages out: they have nothing to show. */
export function takeLost(sql: Sql, forest: Forest): readonly LostMessage[] {
  const recipients = new Map<number, readonly number[]>();
  for (const { seq, agents } of sql.all<{ seq: number; agents: string }>(MISSING)) {
    recipients.set(seq, agents.split(',').map(Number));
  }
  sql.run(DROP);
  const ids = forest.faultsOf('message') === 0 ? new Map<number, string>() : idsIn(sql, forest);
  const missing = new Set([...recipients.keys(), ...ids.keys()]);
  if (missing.size === 0) return [];
  addRecipients(forest, missing, recipients);
  const senders = sendersIn(forest, missing);
  return [...missing].map((seq) => ({
    seq,
    id: ids.get(seq) ?? null,
    sender: senders.get(seq) ?? null,
    recipients: recipients.get(seq) ?? [],
  }));
}

function idsIn(sql: Sql, forest: Forest): Map<number, string> {
  const ids = new Map<number, string>();
  for (const cell of forest.cells('sqlite_autoindex_message_1')) {
    const [id, seq] = cell?.values ?? [];
    if (typeof id !== 'string' || typeof seq !== 'number') continue;
    if (sql.get(HAS, seq) === null) ids.set(seq, id);
  }
  return ids;
}

function addRecipients(
  forest: Forest,
  missing: ReadonlySet<number>,
  recipients: Map<number, readonly number[]>,
): void {
  for (const cell of forest.cells('delivery_message')) {
    const [seq, agent] = cell?.values ?? [];
    if (typeof seq !== 'number' || typeof agent !== 'number' || !missing.has(seq)) continue;
    const known = recipients.get(seq) ?? [];
    if (!known.includes(agent)) recipients.set(seq, [...known, agent]);
  }
}

function sendersIn(forest: Forest, missing: ReadonlySet<number>): ReadonlyMap<number, number> {
  const senders = new Map<number, number>();
  for (const cell of forest.cells('sent')) {
    const [sender, seq] = cell?.values ?? [];
    if (typeof seq === 'number' && typeof sender === 'number' && missing.has(seq)) senders.set(seq, sender);
  }
  return senders;
}

// ---- altered -------------------------------------------------------------------------------------------

interface Digested {
  readonly seq: number;
  readonly id: string;
  readonly sender: number;
  readonly body: string;
  readonly body_blob: string | null;
  readonly data: string | null;
  readonly attachments: string | null;
  readonly thread: string;
  readonly reply_to: string | null;
  readonly intent: string;
  readonly priority: string;
  readonly not_before: number | null;
  readonly digest: Uint8Array;
}

// A forwarded text is not the one that was digested.
const DIGESTED = `SELECT seq, id, sender, body, body_blob, data, attachments, thread, reply_to, intent, priority,
    not_before, digest
  FROM message WHERE seq > ?1 AND length(digest) = 32 AND forward_of IS NULL ORDER BY seq LIMIT 1000`;

/** Messages that are not what their senders sent: whose digest says something else. */
export function* alteredMessages(sql: Sql): Generator<{ readonly seq: number; readonly id: string }> {
  let after = 0;
  for (;;) {
    const rows = sql.all<Digested>(DIGESTED, after);
    for (const row of rows) if (!isAsSent(row)) yield { seq: row.seq, id: row.id };
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

/** Not stored as digested: whether it was a reply, whether it named its thread, and what by "last". */
function isAsSent(row: Digested): boolean {
  try {
    const blob: unknown = row.body_blob === null ? null : JSON.parse(row.body_blob);
    const files: unknown = row.attachments === null ? [] : JSON.parse(row.attachments);
    const digest = Buffer.from(row.digest);
    for (const [thread, replyTo, answers] of choices(row)) {
      const facts = [row.sender, blob, row.data, files, thread, replyTo, answers, null];
      const all = [...facts, row.intent, row.priority, row.not_before];
      const hash = new Bun.CryptoHasher('sha256').update(JSON.stringify(all)).update(row.body).digest();
      if (digest.equals(hash)) return true;
    }
    return false;
  } catch {
    return false;
  }
}

type Choice = readonly [thread: string | null, replyTo: string | null, answers: boolean];

function choices({ thread, reply_to: replyTo }: Digested): readonly Choice[] {
  const told: Choice[] = [
    [null, replyTo, false],
    [thread, replyTo, false],
  ];
  if (replyTo === null) return told;
  return [
    ...told,
    [null, replyTo, true],
    [thread, replyTo, true],
    [null, 'last', true],
    [null, 'last', false],
  ];
}
