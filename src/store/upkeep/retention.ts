/** Old messages go, with what belongs to them; dead letters and what somebody still waits for stay. */
import type { AgentId } from '../../core/records/agents.ts';
import type { Sweep } from '../../core/records/upkeep.ts';
import type { SettledSweep } from './sweep.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { unindex } from '../past/search-index.ts';

// What was taken over from another system is as old as it is here: on its own time all of it would go at once.
const OLDEST = `SELECT seq, max(sent_at, coalesce((SELECT at FROM imported WHERE imported.id = message.id), 0)) AS since
  FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?2`;
const NEEDED = `SELECT 1 FROM delivery
  WHERE message = ?1 AND state IN ('queued', 'offered', 'held', 'dead') LIMIT 1`;
const LEFT = 'SELECT 1 FROM delivery WHERE message = ?1 LIMIT 1';
const BLOBS = 'SELECT sha256 FROM message_blob WHERE message = ?1';
const DELETE_SENT =
  'DELETE FROM sent WHERE sender = (SELECT sender FROM message WHERE seq = ?1) AND seq = ?1';
const DELETE_MESSAGE = 'DELETE FROM message WHERE seq = ?1';
const ORPHAN = `INSERT INTO orphan (sha256, tell_at) SELECT ?1, ?2
  WHERE NOT EXISTS (SELECT 1 FROM message_blob WHERE sha256 = ?1)
  ON CONFLICT (sha256) DO UPDATE SET told = 0, tell_at = excluded.tell_at`;

/**
 * After a pass over all old messages, the next one starts when the limit of age has moved on by so much: what
 * is old and still needed is looked at in each.
 */
const BETWEEN_PASSES_MS = 3_600_000;

export class Retention {
  /** Where the pass under way has come to. */
  #from = 0;
  #passedSince = Number.NEGATIVE_INFINITY;
  /** The latest that a message up to there was sent. */
  #sentBefore = 0;
  #agentFrom = 0;

  apply(engine: Engine, step: SettledSweep): { deleted: number; more: boolean } {
    const old = this.#byAge(engine, step);
    const surplus = step.keepNewest === null ? none : this.#byNumber(engine, step, step.keepNewest);
    return { deleted: old.deleted + surplus.deleted, more: old.more || surplus.more };
  }

  #byAge(
    { sql, sequence }: Engine,
    { keepSince, limit, now, settled }: SettledSweep,
  ): { deleted: number; more: boolean } {
    const further = keepSince - this.#passedSince;
    // A limit before that of the last pass: the clock was set back.
    if (this.#from === 0 && further >= 0 && further < BETWEEN_PASSES_MS) return none;
    if (this.#from === 0) this.#sentBefore = 0;
    const rows = sql.all<{ seq: number; since: number }>(OLDEST, this.#from, limit);
    // Stamped by a clock that was ahead it stays; it must not stand in the way of those behind it.
    const passed = rows.filter(({ since }) => {
      if (since > settled) return true;
      // Stamped by a clock that was behind (1970, at the start of a small machine) it is as old as those before it.
      this.#sentBefore = Math.max(this.#sentBefore, since);
      return this.#sentBefore < keepSince;
    });
    const old = passed.filter(({ since }) => since <= settled);
    const finished = old.filter(({ seq }) => sql.get(NEEDED, seq) === null);
    if (finished.length > 0) sequence.forget();
    for (const { seq } of finished) forget(sql, seq, now);
    const more = passed.length === limit;
    this.#from = more ? (passed.at(-1)?.seq ?? 0) : 0;
    if (!more) this.#passedSince = keepSince;
    return { deleted: finished.length, more };
  }

  /** A window of so many finished messages for each agent; one agent after the other. */
  #byNumber(
    { sql, sequence }: Engine,
    { limit, now }: Sweep,
    keep: number,
  ): { deleted: number; more: boolean } {
    const crowded = sql.get<{ id: AgentId; place: number }>(CROWDED, this.#agentFrom, keep);
    this.#agentFrom = crowded?.id ?? 0;
    if (crowded === null) return none;
    const rows = sql.all<{ place: number; message: number }>(SURPLUS, crowded.id, crowded.place, limit);
    let deleted = 0;
    if (rows.length > 0) sequence.forget();
    for (const { place, message } of rows) {
      sql.run(DELETE_DELIVERY, place);
      if (sql.get(LEFT, message) !== null) continue;
      forget(sql, message, now);
      deleted += 1;
    }
    // The same agent again until it is done.
    if (rows.length === limit) this.#agentFrom = crowded.id - 1;
    return { deleted, more: true };
  }
}

const none = { deleted: 0, more: false } as const;

const FINISHED = "state IN ('handed', 'seen', 'acked', 'expired', 'refused', 'cancelled')";
/** The first agent after ?1 that has more than ?2 finished ones, and the place of the first too many. */
const CROWDED = `SELECT a.id, (SELECT place FROM delivery WHERE agent = a.id AND filed = 1 AND ${FINISHED}
    ORDER BY place DESC LIMIT 1 OFFSET ?2) AS place
  FROM agent a WHERE a.id > ?1 AND place IS NOT NULL ORDER BY a.id LIMIT 1`;
const SURPLUS = `SELECT place, message FROM delivery
  WHERE agent = ?1 AND filed = 1 AND place <= ?2 AND ${FINISHED} ORDER BY place LIMIT ?3`;
const DELETE_DELIVERY = 'DELETE FROM delivery WHERE place = ?1';

function forget(sql: Sql, seq: number, now: number): void {
  const blobs = sql.all<{ sha256: string }>(BLOBS, seq);
  unindex(sql, seq);
  sql.run(DELETE_SENT, seq);
  sql.run(DELETE_MESSAGE, seq);
  for (const { sha256 } of blobs) sql.run(ORPHAN, sha256, now);
}

// ---- blobs nobody refers to --------------------------------------------------------------------------

/** Each orphan is reported twice, so long apart, since a crash may lose the first report. */
const TELL_AGAIN_MS = 600_000;
const TELL = `UPDATE orphan SET told = told + 1, tell_at = ?1 + ${TELL_AGAIN_MS}
  WHERE sha256 IN (SELECT sha256 FROM orphan WHERE told < 2
    AND (tell_at <= ?1 OR tell_at > ?1 + ${TELL_AGAIN_MS}) LIMIT ?2) RETURNING sha256`;
const TOLD = 'DELETE FROM orphan WHERE told >= 2';

export function orphansToTell(sql: Sql, { now, limit }: { now: number; limit: number }): readonly string[] {
  sql.run(TOLD);
  return sql.all<{ sha256: string }>(TELL, now, limit).map(({ sha256 }) => sha256);
}
