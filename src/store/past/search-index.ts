/**
 * The full-text index, written behind the sends: an insert into it inside their transaction cuts a
 * batch to a quarter (design §3.2). `search` catches up first, the sweep now and then.
 */
import type { AgentId } from '../../core/records/agents.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { attachmentsOf } from './message-rows.ts';

/** A chunk holds up the sends of one turn: some milliseconds. */
const CHUNK = 200;

interface Text {
  readonly seq: number;
  readonly sender: AgentId;
  readonly attachments: string | null;
  readonly body: string;
}

const INDEXED = "SELECT value FROM counter WHERE name = 'indexed'";
const SET_INDEXED = "UPDATE counter SET value = ?1 WHERE name = 'indexed'";
const NEWEST = 'SELECT max(seq) AS seq FROM message';
const NEXT = 'SELECT seq, sender, attachments, body FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?2';
const THESE = `SELECT seq, sender, attachments, body FROM message
  WHERE seq IN (SELECT value FROM json_each(?1)) AND seq <= ?2`;
const RECIPIENTS = 'SELECT agent FROM delivery WHERE message = ?1';
const INSERT = 'INSERT INTO message_index (rowid, body, files, party) VALUES (?1, ?2, ?3, ?4)';
const DELETE = 'DELETE FROM message_index WHERE rowid = ?1';

/** The word by which an agent's messages are found. */
export function partyWord(agent: AgentId): string {
  return `a${agent}`;
}

const LAST_ROW = 2 ** 40;
/** The same in SQL, and back. */
export const SEQ_OF_ROW = `(${LAST_ROW} - i.rowid)`;

/** The newest message has the smallest row: FTS5 is fast in ascending order and slow in descending. */
function indexRow(seq: number): number {
  return LAST_ROW - seq;
}

export function indexedUpTo({ sql }: Engine): number {
  return sql.get<{ value: number }>(INDEXED)?.value ?? 0;
}

export function isIndexed(engine: Engine): boolean {
  return indexedUpTo(engine) >= (engine.sql.get<{ seq: number | null }>(NEWEST)?.seq ?? 0);
}

/** Whether more than one chunk is missing: what came since the last one is worth no visit of its own. */
export function isFarBehind(engine: Engine): boolean {
  return (engine.sql.get<{ seq: number | null }>(NEWEST)?.seq ?? 0) - indexedUpTo(engine) > 2 * CHUNK;
}

/** One chunk; a step of a transaction. */
export function indexMore(engine: Engine): void {
  const rows = engine.sql.all<Text>(NEXT, indexedUpTo(engine), CHUNK);
  const last = rows.at(-1);
  if (last === undefined) return;
  // By ascending row: FTS5 flushes the rows it has gathered when one comes out of order.
  for (const row of rows.toReversed()) insert(engine, row);
  engine.sql.run(SET_INDEXED, last.seq);
}

const MERGE = `INSERT INTO message_index (message_index, rank) VALUES ('merge', 32)`;
const CHANGES = 'SELECT total_changes() AS count';

/** Joins some small parts of the index into larger ones; returns whether there was anything to join. */
export function mergeSome({ sql }: Engine): boolean {
  const changes = (): number => sql.get<{ count: number }>(CHANGES)?.count ?? 0;
  const before = changes();
  sql.run(MERGE);
  // The command itself counts as one.
  return changes() - before > 1;
}

/** Chunk by chunk, each in its own transaction, so that sends go on between them. */
export async function catchUp(engine: Engine): Promise<void> {
  while (!isIndexed(engine)) await engine.commits.write(() => indexMore(engine));
}

/** For messages whose recipients changed. */
export function reindex(engine: Engine, seqs: readonly number[]): void {
  for (const row of engine.sql.all<Text>(THESE, JSON.stringify(seqs), indexedUpTo(engine))) {
    unindex(engine.sql, row.seq);
    insert(engine, row);
  }
}

export function unindex(sql: Sql, seq: number): void {
  sql.run(DELETE, indexRow(seq));
}

function insert({ sql }: Engine, row: Text): void {
  const recipients = sql.all<{ agent: AgentId }>(RECIPIENTS, row.seq).map(({ agent }) => agent);
  const party = [...new Set([row.sender, ...recipients])].map(partyWord).join(' ');
  const files = attachmentsOf(row)
    .map(({ name }) => name ?? '')
    .join(' ');
  sql.run(INSERT, indexRow(row.seq), row.body, files, party);
}
