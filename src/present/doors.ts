/** Which doors lead to an agent, and which of them were ever proven to (design §2). */
import type { AgentView } from '../protocol/model.ts';

type Reach = Pick<AgentView, 'doors' | 'confirmedDoors'>;

/** "hook, monitor (never confirmed)"; empty when none is open. */
export function openDoorWords({ doors, confirmedDoors }: Reach): string {
  return doors.map((door) => (confirmedDoors.includes(door) ? door : `${door} (never confirmed)`)).join(', ');
}

/** Why nothing reaches it now, and what did before: "no door open; confirmed before: hook". */
export function reachWords(reach: Reach): string {
  const open = openDoorWords(reach);
  if (open !== '') return `doors open: ${open}`;
  const before = reach.confirmedDoors.join(', ');
  return before === '' ? 'no door open, none ever confirmed' : `no door open; confirmed before: ${before}`;
}
