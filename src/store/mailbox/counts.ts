/** Keeps the counters of mailboxes exact: they change in the same step as the rows they count. */
import type { AgentId } from '../../core/records/agents.ts';
import type { DeliveryState } from '../../protocol/model.ts';
import type { Sql } from '../engine/connection.ts';
import type { Chain } from './chain-depth.ts';
import { UNREAD_STATE } from './delivery-rows.ts';

/** Where an unfinished delivery is counted. */
export type Bucket = 'waiting' | 'held' | 'delayed';

export function bucketOf(row: { state: DeliveryState; arrived: number }): Bucket | null {
  if (row.state === 'held') return 'held';
  if (row.state !== 'queued' && row.state !== 'offered') return null;
  return row.arrived === 1 ? 'waiting' : 'delayed';
}

/** The same in SQL, to count anew. */
export const COUNT_ANEW = `SELECT
  coalesce(sum(${UNREAD_STATE} AND arrived = 1), 0) AS waiting,
  coalesce(sum(state = 'held'), 0) AS held,
  coalesce(sum(${UNREAD_STATE} AND arrived = 0), 0) AS delayed`;

const ADD = `UPDATE agent SET waiting = waiting + ?2, held = held + ?3, delayed = delayed + ?4,
  heard = max(heard, ?5) WHERE id = ?1`;

/** Gathers the changes of one step and writes one row for each agent. */
export class Counts {
  readonly #changes = new Map<AgentId, Record<Bucket, number>>();
  readonly #chain: Chain;

  /** With the chain of the message that the step delivers. */
  constructor(chain: Chain = 0) {
    this.#chain = chain;
  }

  move(agent: AgentId, step: { from: Bucket | null; to: Bucket | null; by?: number }): void {
    const change = this.#changes.get(agent) ?? { waiting: 0, held: 0, delayed: 0 };
    this.#changes.set(agent, change);
    const by = step.by ?? 1;
    if (step.from !== null) change[step.from] -= by;
    if (step.to !== null) change[step.to] += by;
  }

  save(sql: Sql): void {
    for (const [agent, { waiting, held, delayed }] of this.#changes) {
      if (waiting !== 0 || held !== 0 || delayed !== 0)
        sql.run(ADD, agent, waiting, held, delayed, waiting > 0 ? this.#chain : 0);
    }
    this.#changes.clear();
  }
}
