/**
 * upkeep/: what is due because time passed, what is deleted, and whether the store is sound. It decides
 * no lifetimes: they come in with the call.
 *
 * sweep: each call does a bounded share, so that a send never waits long for it.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Compose, Sweep, Swept } from '../../core/records/upkeep.ts';
import { isPaused, type AgentRow } from '../agents/rows.ts';
import { FREE, letGo } from '../agents/remove.ts';
import { bringBackSeen, saveSeen, type Engine } from '../engine/context.ts';
import { DELIVERY, UNFINISHED_STATE, type DeliveryRow } from '../mailbox/delivery-rows.ts';
import { bury } from '../mailbox/expire-bury.ts';
import { LONGEST_LEASE_MS, giveBack } from '../mailbox/fetch.ts';
import { PAUSED, arriveDue, endPause, type HeldRow } from '../mailbox/hold-release.ts';
import { indexMore, isFarBehind, isIndexed, mergeSome } from '../past/search-index.ts';
import { orphansToTell, type Retention } from './retention.ts';

const RUN_OUT = `DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE until <= ?1 OR until > ?2 LIMIT ?3)
  RETURNING agent`;
const LAPSED = 'SELECT id FROM agent WHERE paused_until <= ?1 LIMIT ?2';
const DUE = `SELECT d.place, d.agent, d.message, m.sender, m.not_before, a.paused_until
  FROM delivery d JOIN message m ON m.seq = d.message JOIN agent a ON a.id = d.agent
  WHERE d.due_at <= ?1 ORDER BY d.due_at, d.place LIMIT ?2`;
// A delivery that a reader has leased does not expire before its lease ends.
const EXPIRED = `SELECT ${DELIVERY} FROM delivery
  WHERE expires_at <= ?1 AND ${UNFINISHED_STATE}
    AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.id = delivery.lease)
  ORDER BY expires_at LIMIT ?2`;
const EXPIRY_WAITS = `SELECT 1 FROM delivery
  WHERE expires_at <= ?1 AND ${UNFINISHED_STATE} LIMIT 1`;
const FORGOTTEN = 'DELETE FROM forward WHERE until <= ?1';
// A name that nobody took has sent only what was taken over from another system.
const UNWANTED = `SELECT id FROM agent
  WHERE kind IS NULL AND name_key IS NOT NULL AND waiting = 0 AND held = 0 AND delayed = 0
    AND NOT EXISTS (SELECT 1 FROM sent WHERE sender = agent.id) LIMIT ?1`;
const IDLE_AUTO = `SELECT id FROM agent WHERE auto_named = 1 AND name_key IS NOT NULL
  AND waiting = 0 AND held = 0 AND delayed = 0 AND coalesce(seen_at, created_at) < ?1 LIMIT ?2`;
const GONE = `SELECT id FROM agent WHERE name_key IS NULL
  AND NOT EXISTS (SELECT 1 FROM sent WHERE sender = agent.id)
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.agent = agent.id AND filed = 1) LIMIT ?1`;
const DELETE_AGENT = 'DELETE FROM agent WHERE id = ?1';
const NEXT_DUE = `SELECT min(at) AS at FROM (
  SELECT * FROM (SELECT due_at AS at FROM delivery WHERE due_at > ?1 ORDER BY due_at LIMIT 1)
  UNION ALL SELECT * FROM (SELECT expires_at + ?1 - ?2 FROM delivery
    WHERE expires_at > ?2 AND ${UNFINISHED_STATE} ORDER BY expires_at LIMIT 1)
  UNION ALL SELECT * FROM (SELECT paused_until FROM agent WHERE paused_until > ?1 ORDER BY paused_until LIMIT 1))`;

/** While a lease keeps something expired from being swept: when to look again. */
const LOOK_AGAIN_MS = 1_000;

export function sweepMethods(engine: Engine, retention: Retention): Pick<Store, 'sweep'> {
  return { sweep: (step, compose) => engine.commits.write(() => sweep(engine, retention, step, compose)) };
}

function sweep(engine: Engine, retention: Retention, step: Sweep, compose: Compose): Swept {
  const { now, limit } = step;
  const { settled, wentBack } = engine.time.settled({ wall: now, mono: step.mono });
  engine.filing.file();
  const unleased = returnLeases(engine, step);
  const resumed = liftPauses(engine, step);
  const due = letArrive(engine, step);
  if (wentBack) bringBackSeen(engine, now);
  const expired = expire(engine, { ...step, settled }, compose);
  // What is destroyed for its age is so by the time that is believed.
  const keepSince = step.keepSince - now + settled;
  const kept = retention.apply(engine, { ...step, keepSince, settled });
  forgetAgents(engine, { ...step, settled });
  const hasNews = !isIndexed(engine);
  if (hasNews) indexMore(engine);
  const isJoining = mergeSome(engine);
  const full = [unleased, due, expired].some(({ done }) => done >= limit);
  return {
    wake: [...new Set([...unleased.wake, ...resumed, ...due.wake, ...expired.wake])],
    expired: expired.done,
    deleted: kept.deleted,
    // While messages keep coming there is always another small part to join: no reason to come back at once,
    // or somebody who sends now and then would have sweeps without end beside them.
    more: full || kept.more || isFarBehind(engine) || (isJoining && !hasNews),
    nextDueAt: nextDueAt(engine, now, settled),
    orphans: orphansToTell(engine.sql, { now, limit }),
  };
}

/** With the time that is believed: see `SteadyTime`. */
export interface SettledSweep extends Sweep {
  readonly settled: number;
}

interface Job {
  /** A job that did as much as the limit allows has more to do. */
  readonly done: number;
  /** Whose mailboxes have something to show. */
  readonly wake: readonly AgentId[];
}

/** Leases of sessions that are gone, and leases that ran out. */
function returnLeases(engine: Engine, { now, mono, limit }: Sweep): Job {
  const givenBack = engine.presence.expire(now).flatMap((session) => giveBack(engine, session));
  saveSeen(engine);
  const runOut = engine.sql.all<{ agent: AgentId }>(RUN_OUT, mono, mono + LONGEST_LEASE_MS, limit);
  return { done: runOut.length, wake: [...givenBack, ...runOut.map(({ agent }) => agent)] };
}

function liftPauses(engine: Engine, { now, limit }: Sweep): readonly AgentId[] {
  const lapsed = engine.sql.all<{ id: AgentId }>(LAPSED, now, limit).map(({ id }) => id);
  for (const id of lapsed) endPause(engine, id, now);
  return lapsed;
}

type DueRow = Omit<HeldRow, 'reason'> & Pick<AgentRow, 'paused_until'>;

function letArrive(engine: Engine, { now, limit }: Sweep): Job {
  const due = engine.sql.all<DueRow>(DUE, now, limit);
  const rows = due.map((row) => ({ ...row, reason: isPaused(row, now) ? PAUSED : null }));
  return { done: due.length, wake: arriveDue(engine, rows) };
}

function expire(engine: Engine, { now, settled, limit }: SettledSweep, compose: Compose): Job {
  const rows = engine.sql.all<DeliveryRow>(EXPIRED, settled, limit);
  return { done: rows.length, wake: bury(engine, { rows, state: 'expired', reason: null, now, compose }) };
}

/** Names nobody took and whose mail is gone, auto-named agents long gone, and rows nothing refers to. */
function forgetAgents(engine: Engine, { now, settled, autoNamedSince, limit }: SettledSweep): void {
  const { sql, presence } = engine;
  sql.run(FORGOTTEN, settled);
  for (const row of sql.all<{ id: AgentId }>(UNWANTED, limit)) letGo(engine, row, now);
  for (const row of sql.all<{ id: AgentId }>(IDLE_AUTO, autoNamedSince - now + settled, limit)) {
    if (presence.of(row.id, now).length === 0) letGo(engine, row, now);
  }
  for (const { id } of sql.all<{ id: AgentId }>(GONE, limit)) {
    // A topic joined at the moment of the removal kept the row, and with it every later sweep, from going on.
    for (const statement of FREE) sql.run(statement, id);
    sql.run(DELETE_AGENT, id);
  }
}

function nextDueAt({ sql }: Engine, now: number, settled: number): number | null {
  const at = sql.get<{ at: number | null }>(NEXT_DUE, now, settled)?.at ?? Infinity;
  const waits = sql.get(EXPIRY_WAITS, settled) !== null;
  const next = Math.min(at, waits ? now + LOOK_AGAIN_MS : Infinity);
  return Number.isFinite(next) ? next : null;
}
