/** sweep: what time brings. One bounded step at a time, so that a send never waits long for it. */
import type { Store } from '../../core/ports.ts';
import type { AgentId, Compose, Sweep, Swept } from '../../core/records.ts';
import { letGo } from '../agents/remove.ts';
import { saveSeen, type Engine } from '../engine/context.ts';
import { bury, type Ended } from '../mailbox/expire-bury.ts';
import { LONGEST_LEASE_MS, giveBack } from '../mailbox/fetch.ts';
import { PAUSED, arriveDue, endPause, type HeldRow } from '../mailbox/hold-release.ts';
import { indexMore, isIndexed, mergeSome } from '../past/search-index.ts';
import { orphansToTell, type Retention } from './retention.ts';

const RUN_OUT = `DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE until <= ?1 OR until > ?2 LIMIT ?3)
  RETURNING agent`;
const LAPSED = 'SELECT id FROM agent WHERE paused_until <= ?1 LIMIT ?2';
const DUE = `SELECT d.place, d.agent, d.message, m.sender, m.not_before, a.paused_until > ?1 AS paused
  FROM delivery d JOIN message m ON m.seq = d.message JOIN agent a ON a.id = d.agent
  WHERE d.due_at <= ?1 ORDER BY d.due_at, d.place LIMIT ?2`;
// One that a reader is being handed waits for the end of its lease.
const EXPIRED = `SELECT place, agent, message, state, arrived FROM delivery
  WHERE expires_at <= ?1 AND state IN ('queued', 'offered', 'held')
    AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.id = delivery.lease)
  ORDER BY expires_at LIMIT ?2`;
const EXPIRY_WAITS = `SELECT 1 FROM delivery
  WHERE expires_at <= ?1 AND state IN ('queued', 'offered', 'held') LIMIT 1`;
const FORGOTTEN = 'DELETE FROM forward WHERE until <= ?1';
const UNWANTED = `SELECT id FROM agent
  WHERE kind IS NULL AND name_key IS NOT NULL AND waiting = 0 AND held = 0 AND delayed = 0 LIMIT ?1`;
const IDLE_AUTO = `SELECT id FROM agent WHERE auto_named = 1 AND name_key IS NOT NULL
  AND waiting = 0 AND held = 0 AND delayed = 0 AND coalesce(seen_at, created_at) < ?1 LIMIT ?2`;
const GONE = `DELETE FROM agent WHERE id IN (SELECT id FROM agent WHERE name_key IS NULL
  AND NOT EXISTS (SELECT 1 FROM sent WHERE sender = agent.id)
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.agent = agent.id AND filed = 1) LIMIT ?1)`;
const NEXT_DUE = `SELECT min(at) AS at FROM (
  SELECT * FROM (SELECT due_at AS at FROM delivery WHERE due_at > ?1 ORDER BY due_at LIMIT 1)
  UNION ALL SELECT * FROM (SELECT expires_at FROM delivery
    WHERE expires_at > ?1 AND state IN ('queued', 'offered', 'held') ORDER BY expires_at LIMIT 1)
  UNION ALL SELECT * FROM (SELECT paused_until FROM agent WHERE paused_until > ?1 ORDER BY paused_until LIMIT 1))`;

/** While a lease keeps something expired from being swept: when to look again. */
const LOOK_AGAIN_MS = 1_000;

export function sweepMethods(engine: Engine, retention: Retention): Pick<Store, 'sweep'> {
  return { sweep: (step, compose) => engine.commits.write(() => sweep(engine, retention, step, compose)) };
}

function sweep(engine: Engine, retention: Retention, step: Sweep, compose: Compose): Swept {
  const { sql, presence, filing, sequence } = engine;
  const { now, mono, limit } = step;
  filing.file(sequence.newest);
  const wake = new Set<AgentId>();
  const woken = (agents: readonly AgentId[]): void => {
    for (const agent of agents) wake.add(agent);
  };
  let more = false;
  /** A job that used up its share has more to do. */
  const full = (done: number): number => {
    more ||= done >= limit;
    return done;
  };

  for (const session of presence.expire(now)) woken(giveBack(engine, session));
  saveSeen(engine);
  const runOut = sql.all<{ agent: AgentId }>(RUN_OUT, mono, mono + LONGEST_LEASE_MS, limit);
  full(runOut.length);
  woken(runOut.map(({ agent }) => agent));
  for (const { id } of sql.all<{ id: AgentId }>(LAPSED, now, limit)) {
    endPause(engine, id, now);
    wake.add(id);
  }
  const due = sql.all<HeldRow & { paused: number | null }>(DUE, now, limit);
  full(due.length);
  woken(
    arriveDue(
      engine,
      due.map((row) => ({ ...row, reason: row.paused === 1 ? PAUSED : null })),
    ),
  );
  const ended = sql.all<Ended>(EXPIRED, now, limit);
  const expired = full(ended.length);
  woken(bury(engine, { rows: ended, state: 'expired', reason: null, now, compose }));
  const kept = retention.apply(engine, step);
  more ||= kept.more;
  forgetAgents(engine, step);
  if (!isIndexed(engine)) indexMore(engine);
  more ||= !isIndexed(engine);
  more ||= mergeSome(engine);
  return {
    wake: [...wake],
    expired,
    deleted: kept.deleted,
    more,
    nextDueAt: nextDueAt(engine, now),
    orphans: orphansToTell(sql, { now, limit }),
  };
}

/** Names nobody took and whose mail is gone, auto-named agents long gone, and rows nothing refers to. */
function forgetAgents(engine: Engine, { now, autoNamedSince, limit }: Sweep): void {
  const { sql, presence } = engine;
  sql.run(FORGOTTEN, now);
  for (const row of sql.all<{ id: AgentId }>(UNWANTED, limit)) letGo(engine, row, now);
  for (const row of sql.all<{ id: AgentId }>(IDLE_AUTO, autoNamedSince, limit)) {
    if (presence.of(row.id, now).length === 0) letGo(engine, row, now);
  }
  sql.run(GONE, limit);
}

function nextDueAt({ sql }: Engine, now: number): number | null {
  const at = sql.get<{ at: number | null }>(NEXT_DUE, now)?.at ?? Infinity;
  const waits = sql.get(EXPIRY_WAITS, now) !== null;
  const next = Math.min(at, waits ? now + LOOK_AGAIN_MS : Infinity);
  return Number.isFinite(next) ? next : null;
}
