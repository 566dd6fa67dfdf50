/**
 * mailbox/: what happens to a delivery once it is there: leased, confirmed, held, let through, ended,
 * and the counters that must stay exact. It may not know how recipients were chosen (send/).
 *
 * fetch: what is unread, oldest first, leased to one reader.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Fetch, Fetched, StoredDelivery } from '../../core/records/reading.ts';
import type { Compose } from '../../core/records/upkeep.ts';
import { Failure } from '../../protocol/failures.ts';
import { agentById, agentMeant, isPaused, pauseLapsed, type AgentRow } from '../agents/rows.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { doorsOf, storedMessage } from '../past/message-rows.ts';
import { foundById, messagesBySeq } from '../past/messages.ts';
import { isUnread, UNREAD_STATE, type DeliveryRow } from './delivery-rows.ts';
import { chainShown, longestOf, show, type Chain } from './chain-depth.ts';
import { bury } from './expire-bury.ts';
import { inOrder } from './filing.ts';
import { endPause } from './hold-release.ts';

/**
 * Must exceed `Policy.leaseMs` of the core. A lease whose end is farther ahead than any lease lasts: the
 * monotonic clock restarted (reboot), so the lease has expired.
 */
export const LONGEST_LEASE_MS = 60_000;

interface UnreadRow extends DeliveryRow {
  readonly attempts: number;
  readonly bytes: number;
  readonly expires_at: number | null;
  readonly offered_by: string | null;
  readonly imported: number;
  readonly reader: string | null;
  readonly until: number | null;
}

const UNREAD_COLUMNS = `d.place, d.agent, d.message, d.state, d.arrived, d.attempts, d.bytes, d.expires_at, d.offered_by, d.imported, l.reader, l.until`;
const UNREAD_WHERE = `d.agent = ?1 AND d.arrived = 1 AND d.${UNREAD_STATE} AND d.place > ?2`;
const FILED_WHERE = `d.filed = 1 AND ${UNREAD_WHERE}`;
const FRESH_WHERE = `f.agent = ?1 AND f.place > ?2 AND d.filed = 0 AND ${UNREAD_WHERE}`;
const FRESH_JOIN = 'FROM fresh f CROSS JOIN delivery d ON d.place = f.place';
const LEASE_JOIN = 'LEFT JOIN lease l ON l.id = d.lease';
const IN_PLACE = 'ORDER BY d.place LIMIT ?3';
const UNREAD = `SELECT ${UNREAD_COLUMNS} FROM delivery d ${LEASE_JOIN} WHERE ${FILED_WHERE} ${IN_PLACE}`;
const UNREAD_FRESH = `SELECT ${UNREAD_COLUMNS} ${FRESH_JOIN} ${LEASE_JOIN} WHERE ${FRESH_WHERE} ${IN_PLACE}`;
const MEANT = '(?4 IS NULL OR m.sender = ?4) AND (?5 IS NULL OR m.thread = ?5)';
const UNREAD_FROM = `SELECT ${UNREAD_COLUMNS} FROM delivery d JOIN message m ON m.seq = d.message ${LEASE_JOIN}
  WHERE ${FILED_WHERE} AND ${MEANT} ${IN_PLACE}`;
const UNREAD_FRESH_FROM = `SELECT ${UNREAD_COLUMNS} ${FRESH_JOIN} JOIN message m ON m.seq = d.message ${LEASE_JOIN}
  WHERE ${FRESH_WHERE} AND ${MEANT} ${IN_PLACE}`;
// Joined from the answers to the mailbox, since an `ask` runs this at every wake-up and answers are few.
const UNREAD_ANSWERS = `SELECT ${UNREAD_COLUMNS} FROM message m INDEXED BY message_reply
  CROSS JOIN delivery d ON d.message = m.seq ${LEASE_JOIN}
  WHERE m.reply_to = ?6 AND ${UNREAD_WHERE} AND ${MEANT} ${IN_PLACE}`;

const NOBODYS: Fetched = { deliveries: [], remaining: 0, held: 0, pausedUntil: null, unproven: [] };

export function fetchMethods(engine: Engine): Pick<Store, 'fetch' | 'abandon'> {
  return {
    fetch: async (request, compose) => {
      const agent = agentById(engine.sql, request.agent);
      if (agent === null) return NOBODYS;
      const lapsed = pauseLapsed(agent, request.now);
      // Nothing to lease and nothing to let through: nothing to write.
      if (!lapsed && (request.lease === null || agent.waiting === 0))
        return await lookedAt(engine, agent, request);
      // A lease need not outlive a power failure: its reader does not.
      return engine.commits.writeUnsynced(() => take(engine, request, compose));
    },
    abandon: ({ reader }) => engine.commits.write(() => giveBack(engine, reader)),
  };
}

const LEASES_OF = 'DELETE FROM lease WHERE reader = ?1 RETURNING agent';

/** Returns whose mailboxes have something to show again. */
export function giveBack({ sql }: Engine, reader: string): readonly AgentId[] {
  return [...new Set(sql.all<{ agent: AgentId }>(LEASES_OF, reader).map(({ agent }) => agent))];
}

/** What was shown is noted even when it is not taken; most looks show nothing that a longer chain led to. */
async function lookedAt(engine: Engine, agent: AgentRow, request: Fetch): Promise<Fetched> {
  const { longest, ...fetched } = look(engine, agent, request);
  if (chainShown(agent, longest) > agent.chain && request.by !== 'person')
    await engine.commits.writeUnsynced(() => show(engine.sql, agent, longest));
  return fetched;
}

function look({ sql }: Engine, agent: AgentRow, request: Fetch): Fetched & { readonly longest: Chain } {
  const { held } = agent;
  const pausedUntil = isPaused(agent, request.now) ? agent.paused_until : null;
  const picked = pausedUntil === null ? pick(sql, agent, request).picked : [];
  const { deliveries, longest } = delivered(
    sql,
    agent,
    picked.map((row) => ({ row, attempt: row.attempts })),
  );
  const remaining = Math.max(0, agent.waiting - deliveries.length);
  return { deliveries, remaining, held, pausedUntil, unproven: unprovenOf(sql, request), longest };
}

/** Worded as the index `delivery_unproven`. */
const UNPROVEN = `SELECT m.id, d.door FROM delivery d CROSS JOIN message m ON m.seq = d.message
  WHERE d.agent = ?1 AND d.handed_at >= ?2 AND d.state = 'handed' AND d.door IN ('tool', 'hook')
  ORDER BY d.handed_at DESC LIMIT ?3`;

function unprovenOf(sql: Sql, { agent, unproven }: Fetch): Fetched['unproven'] {
  return unproven === null ? [] : sql.all(UNPROVEN, agent, unproven.since, unproven.limit);
}

const FORGET_LEASES = 'DELETE FROM lease WHERE agent = ?1 AND (until <= ?2 OR until > ?3)';
const NEW_LEASE = 'INSERT INTO lease (id, agent, reader, until) VALUES (?1, ?2, ?3, ?4)';
const LEASE = `UPDATE delivery SET lease = ?2, attempts = attempts + ?3
  WHERE place IN (SELECT value FROM json_each(?1))`;

function take(engine: Engine, request: Fetch, compose: Compose): Fetched {
  const { sql, sequence } = engine;
  const { lease, now, mono } = request;
  const before = agentById(sql, request.agent);
  if (before !== null && pauseLapsed(before, now)) endPause(engine, before.id, now);
  const found = pauseLapsed(before ?? { paused_until: null }, now) ? agentById(sql, request.agent) : before;
  if (found === null) return NOBODYS;
  if (lease === null || isPaused(found, now)) {
    const { longest: _longest, ...fetched } = look(engine, found, request);
    return fetched;
  }

  sql.run(FORGET_LEASES, found.id, mono, mono + LONGEST_LEASE_MS);
  const { picked, dead, expired } = pick(sql, found, request);
  bury(engine, { rows: dead, state: 'dead', reason: `${lease.maxAttempts} hand-overs failed`, now, compose });
  // Not shown any more in either case; ended only by a clock that is believed.
  const { settled } = engine.time.settled({ wall: now, mono });
  const ended = expired.filter(({ expires_at }) => expires_at !== null && expires_at <= settled);
  bury(engine, { rows: ended, state: 'expired', reason: null, now, compose });
  if (picked.length > 0) {
    const id = sequence.nextLease();
    sql.run(NEW_LEASE, id, found.id, lease.reader, lease.until);
    // A repeated fetch renews what this reader has leased already: the same attempt, not one more.
    const renewed = picked.filter((row) => row.reader === lease.reader);
    const taken = picked.filter((row) => row.reader !== lease.reader);
    if (renewed.length > 0) sql.run(LEASE, placesOf(renewed), id, 0);
    if (taken.length > 0) sql.run(LEASE, placesOf(taken), id, 1);
  }
  const handed = picked.map((row) => ({
    row,
    attempt: row.attempts + (row.reader === lease.reader ? 0 : 1),
  }));
  const { deliveries, longest } = delivered(sql, found, handed);
  if (request.by !== 'person') show(sql, found, longest);
  const after = agentById(sql, found.id) ?? found;
  const remaining = after.waiting - deliveries.length;
  return { deliveries, remaining, held: after.held, pausedUntil: null, unproven: unprovenOf(sql, request) };
}

function placesOf(rows: readonly UnreadRow[]): string {
  return JSON.stringify(rows.map(({ place }) => place));
}

interface Picked {
  readonly picked: UnreadRow[];
  readonly dead: UnreadRow[];
  readonly expired: UnreadRow[];
}

const FIRST_PAGE = 64;
const PAGE = 1_000;

/** Reads in growing pages: a fetch that its byte limit ends early must not read the whole mailbox. */
function pick(sql: Sql, agent: AgentRow, request: Fetch): Picked {
  const { lease, limit, now } = request;
  const result: Picked = { picked: [], dead: [], expired: [] };
  const { picked, dead, expired } = result;
  const next = pages(sql, request);
  let after = request.after;
  let bytes = 0;
  let met = 0;
  for (let size = Math.min(limit, FIRST_PAGE); ; size = Math.min(size * 4, PAGE)) {
    const rows = next(after, size);
    for (const row of rows) {
      after = row.place;
      met += 1;
      if (row.expires_at !== null && row.expires_at <= now) {
        if (row.reader === null) expired.push(row);
        continue;
      }
      const mine = lease !== null && row.reader === lease.reader;
      if (lease !== null && row.reader !== null && !mine) continue;
      if (lease !== null && !mine && row.attempts >= lease.maxAttempts) {
        dead.push(row);
        continue;
      }
      if (picked.length === limit || (picked.length > 0 && bytes + row.bytes > request.bytes)) return result;
      bytes += row.bytes;
      picked.push(row);
    }
    if (rows.length < size) {
      // One overwritten page made an inbox of 400 read 399, with no error (measured): the counter knows.
      if (isWhole(request) && met !== agent.waiting) throw unreadable(agent, met);
      return result;
    }
  }
}

function isWhole({ after, from, thread, replyTo }: Fetch): boolean {
  return after === 0 && from === null && thread === null && replyTo === null;
}

function unreadable({ name, waiting }: AgentRow, met: number): Failure {
  return new Failure('store_damaged', `wanted the ${waiting} unread messages of ${name}, found ${met}`);
}

function pages(sql: Sql, request: Fetch): (after: number, size: number) => readonly UnreadRow[] {
  const { agent, from, thread, replyTo, now } = request;
  if (from === null && thread === null && replyTo === null) {
    return (after, size) =>
      inOrder(
        sql.all<UnreadRow>(UNREAD, agent, after, size),
        sql.all<UnreadRow>(UNREAD_FRESH, agent, after, size),
        size,
      );
  }
  const sender = from === null ? null : (agentMeant(sql, from, now)?.id ?? 0);
  if (replyTo === null) {
    return (after, size) =>
      inOrder(
        sql.all<UnreadRow>(UNREAD_FROM, agent, after, size, sender, thread),
        sql.all<UnreadRow>(UNREAD_FRESH_FROM, agent, after, size, sender, thread),
        size,
      );
  }
  return (after, size) => sql.all<UnreadRow>(UNREAD_ANSWERS, agent, after, size, sender, thread, replyTo);
}

const PLACES = `SELECT d.place FROM json_each(?1) j
  CROSS JOIN delivery d INDEXED BY delivery_message ON d.message = j.value AND d.agent = ?2`;

/**
 * A row has no digest: with one wrong bit it leads to a message of somebody else's, or to one that no confirmation
 * finds and that is shown for ever. Its own index says which one it is of, and is not asked for anything else.
 */
function checkPlaces(sql: Sql, agent: AgentRow, rows: readonly UnreadRow[]): void {
  const messages = JSON.stringify(rows.map(({ message }) => message));
  const places = new Set(sql.all<{ place: number }>(PLACES, messages, agent.id).map(({ place }) => place));
  // Nor does every entry of the index of the unread lead to a row of its own, or to one that is unread.
  const strange = rows.find((row) => !places.delete(row.place) || !isUnread(row));
  if (strange === undefined) return;
  throw new Failure(
    'store_damaged',
    `delivery ${strange.place} to ${agent.name} is not the one of its message`,
  );
}

function delivered(
  sql: Sql,
  agent: AgentRow,
  rows: readonly { row: UnreadRow; attempt: number }[],
): { readonly deliveries: readonly StoredDelivery[]; readonly longest: Chain } {
  const unread = rows.map(({ row }) => row);
  checkPlaces(sql, agent, unread);
  const messages = messagesBySeq(
    sql,
    unread.map(({ message }) => message),
  );
  const named = foundById(sql, [...messages.values()]);
  const deliveries = rows.map(({ row, attempt }) => {
    const message = messages.get(row.message);
    if (message === undefined || !named.has(row.message)) {
      const found = message === undefined ? 'none' : 'one under an id by which nothing finds it';
      throw new Failure(
        'store_damaged',
        `wanted message number ${row.message} for ${agent.name}, found ${found}`,
      );
    }
    return {
      message: storedMessage(message),
      recipient: agent.name,
      cursor: row.place,
      attempt,
      offeredBy: doorsOf(row.offered_by),
      imported: row.imported === 1,
    };
  });
  return { deliveries, longest: longestOf(messages.values()) };
}
