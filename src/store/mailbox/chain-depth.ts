/**
 * How many messages followed from one another without a person's word (design §5, loop guard), and which one
 * `reply` answers.
 *
 * A chain is one number: by which word of a person it began (a number of the sequence; 0: by none) and how
 * many messages followed. The later word counts for more than any length, so the larger of two is what holds
 * for whoever has read both: a person who talks to one of two agents begins the chain of both anew, as soon as
 * the other has read what followed from it. In the tables it is the column `depth`.
 */
import type { AgentId } from '../../core/records/agents.ts';
import type { Kind } from '../../protocol/model.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';

export type Chain = number;

export interface Taken {
  readonly seq: number;
  readonly chain: Chain;
  readonly sender_kind: Kind;
}

/** Messages that can be counted for one word; numbers of the sequence are far below 2^53 / ROOM. */
const ROOM = 1_024;
const DEEPEST = ROOM - 1;

export function lengthOf(chain: Chain): number {
  return chain % ROOM;
}

/** Whether a chain has come to the limit; one that cannot be counted on has, whatever is configured. */
export function isTooLong(chain: Chain, limit: number): boolean {
  return lengthOf(chain) >= Math.min(limit, DEEPEST);
}

export function continued(chain: Chain): Chain {
  return lengthOf(chain) === DEEPEST ? chain : chain + 1;
}

/** Which word of a person it began with; the same for all that follows from it. */
export function wordOf(chain: Chain): number {
  return Math.floor(chain / ROOM);
}

/** A person said something: nothing that came before counts any more. */
export function begunAnew({ sequence }: Engine): Chain {
  return sequence.next() * ROOM;
}

const TAKE_IN = 'UPDATE agent SET depth = ?2, last_from = coalesce(?3, last_from) WHERE id = ?1';

/** What an agent sends after these is one longer than the longest, in the order in which they arrived. */
export function takeIn(engine: Engine, agent: { id: AgentId; chain: Chain }, taken: readonly Taken[]): Chain {
  if (taken.length === 0) return agent.chain;
  const chain = taken.reduce(
    (longest, message) =>
      message.sender_kind === 'human' ? begunAnew(engine) : Math.max(longest, message.chain),
    agent.chain,
  );
  const last = taken.findLast((message) => message.sender_kind !== 'system');
  engine.sql.run(TAKE_IN, agent.id, chain, last?.seq ?? null);
  return chain;
}

const SHOW = 'UPDATE agent SET depth = max(depth, ?2) WHERE id = ?1';

/**
 * Some of its mail was put before the agent, whether or not that is ever confirmed: what it sends now may
 * follow from that. Who is many messages behind answers the oldest while the newest wait: a storm of a hundred
 * would never be seen to grow if only what was read counted.
 */
export function show(
  sql: Sql,
  agent: { readonly id: AgentId; readonly chain: Chain; readonly heard: Chain },
  shown: Chain,
): void {
  const chain = chainShown(agent, shown);
  if (chain > agent.chain) sql.run(SHOW, agent.id, chain);
}

/** What it has when that was shown to it; what is not part of any chain changes nothing. */
export function chainShown(agent: { readonly chain: Chain; readonly heard: Chain }, shown: Chain): Chain {
  return shown === 0 ? agent.chain : Math.max(agent.chain, shown, agent.heard);
}

export function longestOf(messages: Iterable<{ readonly chain: Chain }>): Chain {
  let longest = 0;
  for (const { chain } of messages) longest = Math.max(longest, chain);
  return longest;
}
