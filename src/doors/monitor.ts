/**
 * When a monitor's line is worth a wake-up (design §2): not when another door does it, and not while the
 * agent works and its hooks hand over what comes. It shows each message once or not at all.
 */
import { bareLine, messageLine } from '../present/line.ts';
import type { AgentView } from '../protocol/model.ts';
import type { Input } from '../protocol/operations.ts';
import { wakeUp, type Pending, type Waker, type WokenSession } from './wake-up.ts';
import { hooksWillTell } from './working.ts';

export type Verdict = 'line' | 'bare' | 'wait' | 'drop';

/** A channel whose client can have loaded it, but which has never been seen to work, has this long. */
const CHANNEL_GRACE_MS = 5_000;

/** `write` returns whether somebody may have read it; it goes on until nobody does. */
export async function runMonitor(
  session: WokenSession,
  around: {
    readonly input: Partial<Input<'watch'>>;
    readonly write: (text: string) => Promise<boolean>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const monitor: Waker<'line' | 'bare'> = {
    door: 'monitor',
    decide: (pending, { agent }) => verdict(pending, agent),
    rest: 'counted',
    tell: async (told, rest) => {
      const lines = told.map(({ how, came }) => (how === 'line' ? messageLine : bareLine)(came.message));
      if (rest > 0) lines.push(`${rest} more on ipc (check hands them over)`);
      // The client is gone, and with it whoever we would have woken.
      return (await around.write(`${lines.join('\n')}\n`)) ? 'told' : 'over';
    },
  };
  await wakeUp(session, monitor, around);
}

export function verdict({ message, unread, age }: Pending, agent: AgentView): Verdict {
  if (!unread || message.offeredBy?.includes('monitor') === true) return 'drop';
  const { doors, confirmedDoors } = agent;
  if (doors.includes('channel')) {
    if (confirmedDoors.includes('channel')) return 'drop';
    return age < CHANNEL_GRACE_MS ? 'wait' : 'bare';
  }
  return hooksWillTell(agent, age) ? 'wait' : 'line';
}
