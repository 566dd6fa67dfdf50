/**
 * engine/: the database file, its schema, its group commit and the sequence of numbers. It knows
 * nothing of agents, messages or mailboxes, except here, where the context that every family of store
 * methods works with is put together.
 */
import type { LiveSessions } from '../agents/live-sessions.ts';
import type { Filing } from '../mailbox/filing.ts';
import type { Committer } from './commit.ts';
import type { Sql } from './connection.ts';
import type { Sequence } from './sequence.ts';
import type { SteadyTime } from './steady-time.ts';

export interface Engine {
  readonly sql: Sql;
  readonly commits: Committer;
  readonly sequence: Sequence;
  readonly filing: Filing;
  readonly presence: LiveSessions;
  readonly time: SteadyTime;
}

const SAW = 'UPDATE agent SET seen_at = max(coalesce(seen_at, 0), ?2) WHERE id = ?1';

const SEEN_AHEAD = 'UPDATE agent SET seen_at = ?1 WHERE seen_at > ?1';

/** The clock was set back: nobody was seen later than now. */
export function bringBackSeen({ sql }: Engine, now: number): void {
  sql.run(SEEN_AHEAD, now);
}

/** Stores the times kept in memory; needed before a query that compares `seen_at`. */
export function saveSeen({ sql, presence }: Engine): void {
  for (const [agent, at] of presence.takeSeen()) sql.run(SAW, agent, at);
}
