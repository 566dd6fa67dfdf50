/** What an agent has read: how deep the chain of messages it continues is, and which one `reply` answers. */
import type { AgentId } from '../../core/records/agents.ts';
import type { Kind } from '../../protocol/model.ts';
import type { Sql } from '../engine/connection.ts';

export interface Taken {
  readonly seq: number;
  readonly depth: number;
  readonly sender_kind: Kind;
}

const TAKE_IN = 'UPDATE agent SET depth = ?2, last_from = coalesce(?3, last_from) WHERE id = ?1';

/**
 * What an agent sends after taking these in is one deeper than the deepest; a person's word starts
 * anew (design §5, loop guard). In the order in which they arrived.
 */
export function depthAfter(depth: number, taken: readonly Taken[]): number {
  return taken.reduce(
    (deepest, message) => (message.sender_kind === 'human' ? 0 : Math.max(deepest, message.depth)),
    depth,
  );
}

/** Returns the depth it is at now. */
export function takeIn(sql: Sql, agent: { id: AgentId; depth: number }, taken: readonly Taken[]): number {
  if (taken.length === 0) return agent.depth;
  const depth = depthAfter(agent.depth, taken);
  const last = taken.findLast((message) => message.sender_kind !== 'system');
  sql.run(TAKE_IN, agent.id, depth, last?.seq ?? null);
  return depth;
}
