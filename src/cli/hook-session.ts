/**
 * Which agent a hook acts for. Its session's id stands on stdin, so most hooks look at no process; one
 * that begins a session, or finds it nameless, joins it to the name of its client's process.
 */
import type { HookEvent } from '../doors/hook-event.ts';
import type { AgentName } from '../protocol/names.ts';
import type { Operations } from '../protocol/operations.ts';
import { clientProcess, type ClientSession } from '../system/clients.ts';
import { type Environment, variable } from '../system/environment.ts';
import { identify, type Acting } from '../system/identity.ts';
import { bind, type Bound, processBinding, readBinding, sessionBinding } from '../system/keys.ts';
import type { Paths } from '../system/paths.ts';
import { anchorOf, nearestAncestor, type Anchor } from '../system/processes.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';

export function actingAs(event: HookEvent, call: Call): Acting {
  const { environment, paths } = call.world;
  return { told: call.as, session: sessionOf(event, { environment, paths }) };
}

function sessionOf(
  event: HookEvent,
  { environment, paths }: { environment: Environment; paths: Paths },
): ClientSession {
  return {
    client: event.client,
    id: event.session,
    get process() {
      return processOf(event, environment) ?? boundAncestor(paths, environment);
    },
  };
}

function processOf(event: HookEvent, environment: Environment): Anchor | undefined {
  const above = clientProcess(environment.parentPid);
  if (above !== undefined) return above;
  const told = event.client === 'claude-code' ? variable(environment, 'CLAUDE_PID') : undefined;
  return told === undefined ? undefined : anchorOf(Number(told));
}

/** An editor is no agent program by its name; but its server has bound the process that started it. */
function boundAncestor(paths: Paths, environment: Environment): Anchor | undefined {
  return nearestAncestor(environment, (_names, { pid, startedAt }) => {
    const anchor = { pid, startedAt };
    return readBinding(paths, processBinding(anchor)) === undefined ? undefined : anchor;
  });
}

export interface Named {
  readonly name: AgentName;
  readonly note: string;
}

/** The name this session has by now; undefined when it has none, or one that was told and not yet taken. */
export function nameOf(call: Call, acting: Acting): AgentName | undefined {
  const { environment, paths } = call.world;
  const { how, name } = identify(paths, environment, acting);
  return how === 'session' ? name : undefined;
}

/**
 * Both the session and its process lead to one name from here on. After a resume the session has one of
 * its own, and the server, which nobody told which session it serves, follows it.
 */
export async function joinProcess(
  operations: Operations,
  call: Call,
  { client, id, process }: ClientSession,
): Promise<void> {
  const { paths } = call.world;
  if (id === undefined || process === undefined) return;
  const [own, shared] = [sessionBinding(client, id), processBinding(process)];
  const [mine, its] = [readBinding(paths, own), readBinding(paths, shared)];
  if (mine === undefined && its !== undefined) return bind(paths, own, its);
  if (mine === undefined || mine.name === its?.name) return;
  if (its !== undefined && (await isElsewhere(operations, mine, process))) return bind(paths, own, its);
  bind(paths, shared, mine);
}

/** Another process goes on with the very session: it has the name. */
async function isElsewhere(operations: Operations, { name }: Bound, process: Anchor): Promise<boolean> {
  const { holders } = await import('./hold-name.ts');
  const pids = await holders(operations, name);
  return pids.some((pid) => clientProcess(pid)?.pid !== process.pid);
}

export function noteOf({ identity }: Session): string {
  const { told, name } = identity;
  if (told === undefined || told.toLowerCase() === name?.toLowerCase()) return '';
  return `${told} is the name of another live session; this one is ${name}.`;
}
