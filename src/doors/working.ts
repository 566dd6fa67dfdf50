/** Whether an agent is in the middle of something, so that its hooks hand over what comes. */
import type { AgentView } from '../protocol/model.ts';

/** A turn a person broke off ends without a word to any hook: then what waited so long is told in another way. */
const BUSY_MS = 120_000;

/** `age`: for how many milliseconds the message has waited. */
export function hooksWillTell({ presence, doors }: AgentView, age: number): boolean {
  return presence === 'online' && doors.includes('hook') && age < BUSY_MS;
}
