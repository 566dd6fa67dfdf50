/**
 * The waiter of a session: a hook that stays behind when the agent stops, and whose end wakes it (Claude
 * Code's asyncRewake). One for a session; it ends with its client, and when the session does.
 */
import type { Delivered, AgentView } from '../protocol/model.ts';
import type { Operations } from '../protocol/operations.ts';
import { messageLine } from '../present/line.ts';
import { makeFolder, readIfThere, removeIfThere, replaceUnsynced } from '../system/files.ts';
import { fileNameFor } from '../system/ids.ts';
import type { Paths } from '../system/paths.ts';
import { removeStale } from './session-notes.ts';
import { systemProcesses, type Anchor } from '../system/processes.ts';

export interface WaitingSession {
  readonly client: string;
  readonly session: string;
}

/** The kernel gives this lock back when the waiter dies. */
export function waiterLock(paths: Paths, session: WaitingSession): string {
  makeFolder(paths.waiters);
  return `${pathOf(paths, session)}.lock`;
}

export function noteWaiter(
  paths: Paths,
  session: WaitingSession,
  { anchor, now }: { anchor: Anchor; now: number },
): void {
  removeStale(paths.waiters, now);
  replaceUnsynced(pathOf(paths, session), `${anchor.pid} ${anchor.startedAt}\n`);
}

export function forgetWaiter(paths: Paths, session: WaitingSession): void {
  removeIfThere(pathOf(paths, session));
}

/** The session ended: what waits for it ends too. */
export function endWaiter(paths: Paths, session: WaitingSession): void {
  const [pid = '', ...startedAt] = readIfThere(pathOf(paths, session))?.trim().split(' ') ?? [];
  const anchor = { pid: Number(pid), startedAt: startedAt.join(' ') };
  if (!(anchor.pid > 1) || !systemProcesses.alive(anchor)) return;
  process.kill(anchor.pid, 'SIGTERM');
}

/** Another door wakes the session already. */
export function isPushed({ doors, confirmedDoors }: AgentView): boolean {
  return doors.includes('monitor') || (doors.includes('channel') && confirmedDoors.includes('channel'));
}

/** On lines of their own, as evidence looks for them. */
export function waiterText(messages: readonly Delivered[]): string {
  const count = messages.length === 1 ? 'A message waits' : `${messages.length} messages wait`;
  return `${count} on ipc:\n${messages.map((message) => `${messageLine(message)}\n`).join('')}`;
}

export async function stillUnread(
  operations: Operations,
  { reader, limit }: { reader: string; limit: number },
): Promise<readonly Delivered[]> {
  const { messages } = await operations.check({ reader, door: 'monitor', peek: true, limit, bytes: 131_072 });
  return messages;
}

function pathOf(paths: Paths, { client, session }: WaitingSession): string {
  return `${paths.waiters}/${fileNameFor(`${client} ${session}`)}`;
}
