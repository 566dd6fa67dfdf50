/** What a session that holds a name tells its model about it. */
import type { AgentName } from '../../protocol/names.ts';
import type { Held } from './hold-name.ts';

/**
 * "Registered as claude, 2 waiting; daemon started. Here: bob, alice." As it is when it is said: a client
 * starts us with its session, and the first call may be an hour later.
 */
export async function greetingOf(
  { operations, name, note }: Pick<Held, 'operations' | 'name' | 'note'>,
  { opening, fresh }: { opening: string; fresh: boolean },
): Promise<string> {
  const { agents } = await operations.who({});
  const { waiting = 0, held = 0 } = agents.find((agent) => agent.you) ?? {};
  const others = agents.filter((agent) => !agent.you).map((agent) => agent.name);
  const kept = held === 0 ? '' : `, ${held} held`;
  const started = fresh ? '; daemon started' : '';
  const here = others.length === 0 ? 'Nobody else is here.' : `Here: ${others.join(', ')}.`;
  return `${opening} ${name}, ${waiting} waiting${kept}${started}. ${here}${note === '' ? '' : ` ${note}`}`;
}

/** A name of this user's is taken with its mailbox; any other becomes the name of this one. */
export async function takeOrRename(
  held: Pick<Held, 'name' | 'owns' | 'take' | 'rename'>,
  wanted: AgentName,
): Promise<string> {
  const before = held.name;
  if (wanted.toLowerCase() !== before.toLowerCase() && held.owns(wanted)) {
    const taken = await held.take(wanted);
    if (taken.name.toLowerCase() !== wanted.toLowerCase())
      return `${wanted} is held by a live session; you are ${taken.name} now, ${taken.waiting} waiting.`;
    return `You are ${taken.name} now, ${taken.waiting} waiting. ${before} keeps its own mailbox.`;
  }
  const renamed = await held.rename(wanted);
  if (renamed.forwardsUntil === undefined) return `You are ${renamed.to}.`;
  return `You are ${renamed.to} now; ${renamed.from} forwards to you for two hours, ${renamed.told} told.`;
}

/** What a session should know about its name; empty when it has the one that was asked for. */
export function nameNote({ asked, name }: { asked: string | undefined; name: string | undefined }): string {
  if (asked === undefined || asked.toLowerCase() === name?.toLowerCase()) return '';
  return `${asked} was asked for, but another live session held that name; this one is ${name ?? 'nameless'}.`;
}
