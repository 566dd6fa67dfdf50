/** Deliveries that end without having been taken in: expired, dead, and the notice to whoever sent them. */
import type { AgentId } from '../../core/records/agents.ts';
import type { Compose } from '../../core/records/upkeep.ts';
import type { DeliveryState } from '../../protocol/model.ts';
import type { Engine } from '../engine/context.ts';
import { Counts, bucketOf } from './counts.ts';
import type { DeliveryRow } from './delivery-rows.ts';
import { SYSTEM, notify } from './notices.ts';

const END = `UPDATE delivery SET state = ?2, reason = ?3, ended_at = ?4, lease = NULL, due_at = NULL, reminder = NULL
  WHERE place IN (SELECT value FROM json_each(?1))`;

/** Ends unfinished deliveries; nobody is told. */
export function end(
  { sql }: Engine,
  step: { rows: readonly DeliveryRow[]; state: DeliveryState; reason: string | null; now: number },
): void {
  if (step.rows.length === 0) return;
  const counts = new Counts();
  for (const row of step.rows) counts.move(row.agent, { from: bucketOf(row), to: null });
  sql.run(END, JSON.stringify(step.rows.map(({ place }) => place)), step.state, step.reason, step.now);
  counts.save(sql);
}

/** What the notice to the sender is composed from. */
interface Story {
  readonly id: string;
  readonly sender: AgentId;
  readonly thread: string;
  readonly body: string;
  readonly recipient: string;
  readonly unborn: number;
}

const STORY = `SELECT m.id, m.sender, m.thread, m.body, a.name AS recipient, a.kind IS NULL AS unborn
  FROM message m JOIN agent a ON a.id = ?2 WHERE m.seq = ?1`;

export interface Burial {
  readonly rows: readonly DeliveryRow[];
  readonly state: 'expired' | 'dead';
  readonly reason: string | null;
  readonly now: number;
  readonly compose: Compose;
}

/** Ends them and tells their senders. Returns whose mailboxes have something to show. */
export function bury(engine: Engine, { rows, state, reason, now, compose }: Burial): readonly AgentId[] {
  end(engine, { rows, state, reason, now });
  const wake = new Set<AgentId>();
  for (const row of rows) {
    const story = engine.sql.get<Story>(STORY, row.message, row.agent);
    if (story === null || story.sender === SYSTEM) continue;
    const { id: messageId, recipient, body } = story;
    const text = compose({ kind: state, messageId, recipient, unborn: story.unborn === 1, body });
    for (const agent of notify(engine, { text, to: [story.sender], thread: story.thread, now }))
      wake.add(agent);
  }
  return [...wake];
}
