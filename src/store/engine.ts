/** What every family of store methods works with. */
import type { Committer } from './commit.ts';
import type { Cursors } from './cursors.ts';
import type { Filing } from './filing.ts';
import type { Presence } from './presence.ts';
import type { Sql } from './sql.ts';

export interface Engine {
  readonly sql: Sql;
  readonly commits: Committer;
  readonly cursors: Cursors;
  readonly filing: Filing;
  readonly presence: Presence;
}

const SAW = 'UPDATE agent SET seen_at = max(coalesce(seen_at, 0), ?2) WHERE id = ?1';

/** Writes down who was seen: before the disk is asked who was, and now and then. */
export function saveSeen({ sql, presence }: Engine): void {
  for (const [agent, at] of presence.takeSeen()) sql.run(SAW, agent, at);
}
