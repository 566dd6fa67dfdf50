/**
 * Which agent a hook acts for. Its session's id stands on stdin, so most hooks look at no process; one
 * that begins a session, or finds it nameless, joins it to the name of its client's process.
 */
import type { HookEvent } from '../../doors/hook-event.ts';
import type { AgentName } from '../../protocol/names.ts';
import { clientProcess, type ClientSession } from '../../system/clients.ts';
import { type Environment, variable } from '../../system/environment.ts';
import { identify, type Acting } from '../../system/identity.ts';
import { processBinding, readBinding } from '../../system/keys.ts';
import type { Paths } from '../../system/paths.ts';
import { anchorOf, nearestAncestor, type Anchor } from '../../system/processes.ts';
import type { Call } from '../call.ts';

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

/** The name this session has by now; undefined when it has none, or one that was told and not yet taken. */
export function nameOf(call: Call, acting: Acting): AgentName | undefined {
  const { environment, paths } = call.world;
  const { how, name } = identify(paths, environment, acting);
  return how === 'session' ? name : undefined;
}
