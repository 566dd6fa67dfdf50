/**
 * When a monitor's line is worth a wake-up (design §2): not when another door does it, and not while the
 * agent works and its hooks hand over what comes. It shows each message once or not at all.
 */
import type { AgentView, Delivered } from '../protocol/model.ts';
import { hooksWillTell } from './working.ts';

/** What is known of a message that came and was not shown yet. */
export interface Pending {
  readonly message: Delivered;
  readonly unread: boolean;
  /** How long ago it came. */
  readonly age: number;
}

export type Verdict = 'line' | 'bare' | 'wait' | 'drop';

/** A channel whose client can have loaded it, but which has never been seen to work, has this long. */
const CHANNEL_GRACE_MS = 5_000;

export function verdict({ message, unread, age }: Pending, agent: AgentView): Verdict {
  if (!unread || message.offeredBy?.includes('monitor') === true) return 'drop';
  const { doors, confirmedDoors } = agent;
  if (doors.includes('channel')) {
    if (confirmedDoors.includes('channel')) return 'drop';
    return age < CHANNEL_GRACE_MS ? 'wait' : 'bare';
  }
  return hooksWillTell(agent, age) ? 'wait' : 'line';
}
