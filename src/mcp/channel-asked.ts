/**
 * Whether this session's client was told to show a channel: Claude Code loads one only when its command
 * line names it, and says nothing to the server either way (interfaces §1.5).
 */
import { clientSession } from '../system/clients.ts';
import { variable, type Environment } from '../system/environment.ts';
import { commandWords } from '../system/processes.ts';

const FLAG = /^--(channels|dangerously-load-development-channels)(=|$)/;
/** `server:ipc`, `plugin:ipc@somewhere`, also as one word of a list. */
const OURS = /(^|[=,])(server|plugin):[^,]*ipc/i;

export function channelAsked(environment: Environment): boolean {
  if (variable(environment, 'IPC_CHANNEL') === '1') return true;
  const session = clientSession(environment);
  if (session?.client !== 'claude-code' || session.process === undefined) return false;
  return asksForChannel(commandWords(session.process.pid));
}

export function asksForChannel(words: readonly string[]): boolean {
  const at = words.findIndex((word) => FLAG.test(word));
  return at !== -1 && words.slice(at).some((word) => OURS.test(word));
}
