/** confirm and ack: a delivery moves on to offered, handed, seen or acked, and never back. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Confirmation } from '../../core/records/reading.ts';
import type { DeliveryState, Door, Intent, Kind } from '../../protocol/model.ts';
import { agentById, type AgentRow } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { doorsOf } from '../past/message-rows.ts';
import { takeIn } from './chain-depth.ts';
import { Counts } from './counts.ts';
import { isUnread } from './delivery-rows.ts';

interface Row {
  readonly id: string;
  readonly attempt: number;
  readonly seq: number | null;
  readonly sender_kind: Kind;
  readonly chain: number;
  readonly intent: Intent;
  readonly place: number;
  readonly state: DeliveryState | null;
  readonly arrived: number;
  readonly attempts: number;
  readonly offered_by: string | null;
  readonly reader: string | null;
}

const ROWS = `SELECT j.value ->> 0 AS id, j.value ->> 1 AS attempt, m.seq, m.sender_kind, m.depth AS chain, m.intent,
    d.place, d.state, d.arrived, d.attempts, d.offered_by, l.reader
  FROM json_each(?1) j LEFT JOIN message m ON m.id = j.value ->> 0
  LEFT JOIN delivery d ON d.message = m.seq AND d.agent = ?2 LEFT JOIN lease l ON l.id = d.lease`;

const PLACES = 'place IN (SELECT value FROM json_each(?1))';
const OFFER = `UPDATE delivery SET state = 'offered', offered_at = coalesce(offered_at, ?2),
    offered_by = CASE WHEN offered_by IS NULL THEN json_array(?3) ELSE json_insert(offered_by, '$[#]', ?3) END
  WHERE ${PLACES}`;
const REMINDER = `reminder = CASE WHEN (SELECT intent = 'request' AND sender_kind <> 'system' FROM message
    WHERE seq = delivery.message) THEN 1 END`;
const HAND = `UPDATE delivery SET filed = 1, state = 'handed', handed_at = ?2, door = ?3, lease = NULL, ${REMINDER} WHERE ${PLACES}`;
const SEE_UNREAD = `UPDATE delivery SET filed = 1, state = 'seen', seen_at = ?2, door = ?3, lease = NULL, ${REMINDER} WHERE ${PLACES}`;
const SEE = `UPDATE delivery SET state = 'seen', seen_at = ?2 WHERE ${PLACES}`;
const ACK = `UPDATE delivery SET state = 'acked', acked_at = ?2, lease = NULL, reminder = NULL WHERE ${PLACES}`;
const CONFIRMED_DOOR = 'UPDATE agent SET confirmed_doors = ?2 WHERE id = ?1';

export function confirmMethods(engine: Engine): Pick<Store, 'confirm' | 'ack'> {
  return {
    confirm: (confirmation) => engine.commits.write(() => confirm(engine, confirmation)),
    ack: ({ agent, ids, now }) => engine.commits.write(() => ack(engine, { agent, ids, now })),
  };
}

function rowsOf({ sql }: Engine, agent: AgentId, pairs: readonly (readonly [string, number])[]): Row[] {
  const seen = new Set<string>();
  return sql.all<Row>(ROWS, JSON.stringify(pairs), agent).filter(({ id }) => !seen.has(id) && seen.add(id));
}

const json = (rows: readonly Row[]): string => JSON.stringify(rows.map(({ place }) => place));

type Confirmed = Awaited<ReturnType<Store['confirm']>>;

function confirm(engine: Engine, confirmation: Confirmation): Confirmed {
  const { stage, deliveries, now } = confirmation;
  const agent = agentById(engine.sql, confirmation.agent);
  const rows = rowsOf(
    engine,
    confirmation.agent,
    deliveries.map(({ id, attempt }) => [id, attempt]),
  );
  const proven = rows.filter((row) => isProven(row, confirmation));
  const ids = (some: readonly Row[]): string[] => some.map(({ id }) => id);
  const lost = ids(rows.filter((row) => !proven.includes(row)));
  if (agent === null) return { confirmed: [], lost: ids(rows) };
  // A notice is shown by somebody else: it proves nothing of the recipient's own presence.
  if (confirmation.door !== 'notice') engine.presence.saw(agent.id, now);
  if (stage === 'offered') offer(engine, proven, confirmation);
  if (stage === 'handed') hand(engine, agent, proven.filter(isUnread), { ...confirmation, sql: HAND });
  if (stage === 'seen') {
    hand(engine, agent, proven.filter(isUnread), { ...confirmation, sql: SEE_UNREAD });
    const handed = proven.filter(({ state }) => state === 'handed');
    if (handed.length > 0) engine.sql.run(SEE, json(handed), now);
  }
  // What was seen of a door that cannot confirm proves that door, whoever handed the message over since.
  if (stage !== 'offered' && proven.length > 0) proveDoor(engine.sql, agent, confirmation.door);
  return { confirmed: ids(proven), lost };
}

function isTakenIn({ state }: Row): boolean {
  return state === 'handed' || state === 'seen' || state === 'acked';
}

/**
 * The attempt is the fencing token: it grows with each lease, so a confirmation that comes after its
 * lease ran out still counts as long as nobody else was handed the message since.
 */
function isProven(row: Row, { stage, reader, door }: Confirmation): boolean {
  if (stage !== 'handed') return isUnread(row) || isTakenIn(row);
  // A program that follows along says that it took what it was offered: no lease is needed for that.
  const offered = doorsOf(row.offered_by).includes(door);
  if (offered && (isTakenIn(row) || (isUnread(row) && row.reader === null))) return true;
  if (row.attempt < 1 || row.attempt !== row.attempts) return false;
  return isTakenIn(row) || (isUnread(row) && (row.reader === null || row.reader === reader));
}

function offer({ sql }: Engine, rows: readonly Row[], { door, now }: Confirmation): void {
  const news = rows.filter((row) => isUnread(row) && !doorsOf(row.offered_by).includes(door));
  if (news.length > 0) sql.run(OFFER, json(news), now, door);
}

function hand(
  engine: Engine,
  agent: AgentRow,
  rows: readonly Row[],
  { door, now, sql: statement }: { door: Door; now: number; sql: string },
): void {
  if (rows.length === 0) return;
  engine.sql.run(statement, json(rows), now, door);
  engine.filing.drop(
    agent.id,
    rows.map(({ place }) => place),
  );
  leaveMailbox(engine, agent, rows);
}

function proveDoor(sql: Engine['sql'], agent: AgentRow, door: Door): void {
  const doors = doorsOf(agent.confirmed_doors);
  if (!doors.includes(door)) sql.run(CONFIRMED_DOOR, agent.id, JSON.stringify([...doors, door]));
}

function leaveMailbox(engine: Engine, agent: AgentRow, rows: readonly Row[]): void {
  const counts = new Counts();
  counts.move(agent.id, { from: 'waiting', to: null, by: rows.length });
  counts.save(engine.sql);
  const inOrder = rows.toSorted((one, other) => one.place - other.place);
  takeIn(
    engine,
    agent,
    inOrder.map(({ seq, chain, sender_kind }) => ({ seq: seq ?? 0, chain, sender_kind })),
  );
}

function ack(
  engine: Engine,
  step: { agent: AgentId; ids: readonly string[]; now: number },
): { acked: readonly string[]; unknown: readonly string[] } {
  const { sql } = engine;
  const agent = agentById(sql, step.agent);
  const rows = rowsOf(
    engine,
    step.agent,
    step.ids.map((id) => [id, 0]),
  );
  const known = rows.filter((row) => isUnread(row) || isTakenIn(row));
  const unknown = rows.filter((row) => !known.includes(row)).map(({ id }) => id);
  if (agent === null || known.length === 0) return { acked: [], unknown };
  const news = known.filter(({ state }) => state !== 'acked');
  if (news.length > 0) sql.run(ACK, json(news), step.now);
  const unread = news.filter(isUnread);
  if (unread.length > 0) leaveMailbox(engine, agent, unread);
  return { acked: known.map(({ id }) => id), unknown };
}
