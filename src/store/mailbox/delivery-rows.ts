/** The delivery table: the columns and conditions that several steps share. */
import type { AgentId } from '../../core/records/agents.ts';
import type { DeliveryState } from '../../protocol/model.ts';

/** As much of a delivery as is needed to count it, end it or move it. */
export interface DeliveryRow {
  readonly place: number;
  readonly agent: AgentId;
  readonly message: number;
  readonly state: DeliveryState;
  readonly arrived: number;
}

export const DELIVERY = 'place, agent, message, state, arrived';

// Written as in the partial indexes of the schema: the engine uses such an index only where the query
// repeats its condition. Each begins with the column, so that an alias can stand before it.

export const UNREAD_STATE = "state IN ('queued', 'offered')";
/** As a row itself says it, whatever index led to it. */
export function isUnread({ state, arrived }: { state: DeliveryState | null; arrived: number }): boolean {
  return arrived === 1 && (state === 'queued' || state === 'offered');
}

export const UNFINISHED_STATE = "state IN ('queued', 'offered', 'held')";

export const exceptionalStates = ['held', 'expired', 'refused', 'dead', 'cancelled'] as const;
/** States few deliveries are in: one index finds all of them. */
export const EXCEPTIONAL_STATE = `state IN (${exceptionalStates.map((state) => `'${state}'`).join(', ')})`;
