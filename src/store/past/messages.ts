/** Messages by their numbers, with what became of them. */
import type { Cursor, PastRecord, ReceiptRecord } from '../../core/records/reading.ts';
import type { Sql } from '../engine/connection.ts';
import {
  MESSAGE,
  RECEIPT,
  receiptRecord,
  storedMessage,
  type MessageRow,
  type ReceiptRow,
} from './message-rows.ts';

const MESSAGES = `SELECT ${MESSAGE} FROM message m WHERE m.seq IN (SELECT value FROM json_each(?1))`;
const STORED = 'SELECT 1 FROM message WHERE id = ?1';
const RECEIPTS = `SELECT ${RECEIPT} FROM json_each(?1) j JOIN delivery d ON d.message = j.value
  JOIN agent a ON a.id = d.agent ORDER BY d.place`;

export function messagesBySeq(sql: Sql, seqs: readonly number[]): ReadonlyMap<number, MessageRow> {
  if (seqs.length === 0) return new Map();
  return new Map(sql.all<MessageRow>(MESSAGES, JSON.stringify(seqs)).map((row) => [row.seq, row]));
}

const NAMED = `SELECT m.seq FROM json_each(?1) j
  CROSS JOIN message m INDEXED BY sqlite_autoindex_message_1 ON m.id = j.value`;

/** Numbers of those that a confirmation, an answer or a receipt will find: an id has no digest, and one wrong bit hides it. */
export function foundById(sql: Sql, rows: readonly MessageRow[]): ReadonlySet<number> {
  const ids = JSON.stringify(rows.map(({ id }) => id));
  return new Set(sql.all<{ seq: number }>(NAMED, ids).map(({ seq }) => seq));
}

export function isStored(sql: Sql, id: string): boolean {
  return sql.get(STORED, id) !== null;
}

export interface Found {
  readonly seq: number;
  readonly cursor: Cursor;
}

/** In the order given. */
export function pastRecords(
  sql: Sql,
  found: readonly Found[],
  snippet: (row: MessageRow) => string | null = () => null,
): readonly PastRecord[] {
  const seqs = found.map(({ seq }) => seq);
  const messages = messagesBySeq(sql, seqs);
  const receipts = new Map<number, ReceiptRecord[]>();
  for (const row of seqs.length === 0 ? [] : sql.all<ReceiptRow>(RECEIPTS, JSON.stringify(seqs))) {
    const known = receipts.get(row.message) ?? [];
    known.push(receiptRecord(row));
    receipts.set(row.message, known);
  }
  return found.flatMap(({ seq, cursor }) => {
    const row = messages.get(seq);
    if (row === undefined) return [];
    return [
      { message: storedMessage(row), cursor, receipts: receipts.get(seq) ?? [], snippet: snippet(row) },
    ];
  });
}
