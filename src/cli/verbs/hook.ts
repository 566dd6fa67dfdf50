/**
 * `ipc hook`: what a client program runs at the events of a session. One of the hot verbs, it loads
 * little. A client takes exit 2 as "block", so whatever goes wrong ends with 0 and a line on stderr.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { parseHookEvent, type HookEvent } from '../../doors/hook-event.ts';
import { Failure } from '../../protocol/failures.ts';
import { variable } from '../../system/environment.ts';
import { logLine } from '../../system/log.ts';
import { isTerminal } from '../../system/output.ts';
import type { Call } from '../call.ts';
import { readHookInput } from '../hook/input.ts';
import { actingAs, nameOf } from '../hook/acting.ts';
import { joinServer } from '../hook/join-server.ts';
import { nameNote } from '../naming/held-words.ts';
import { isNotRunning, openSession, type Session } from '../session.ts';
import type { Spec } from '../verb.ts';
import type { Acting } from '../../system/identity.ts';

const spec: Spec = {
  name: 'hook',
  summary: 'Hand messages over at the events of a client program',
  usage: '[wait]',
  group: 'system',
  words: { min: 0, max: 1 },
  flags: [],
  examples: [
    ['ipc hook', 'as a hook of Claude Code, Codex, Gemini CLI, VS Code or Cursor'],
    ['ipc hook wait', 'as an asyncRewake hook of Claude Code: wakes the idle session'],
    ['ipc hook --as claude', 'the session is to be called claude'],
  ],
  notes:
    'Reads the event as JSON on stdin and writes one JSON object or nothing. Ends with 0 whatever happens; only "wait" ends with 2, when something came.',
  operations: { describe: { activity: 'by the event', about: 'ipc register --about' } },
};

async function run(call: Call): Promise<number> {
  const [word] = call.words;
  if (word !== undefined && word !== 'wait')
    throw new Failure('invalid', `wanted ipc hook or ipc hook wait, found ${JSON.stringify(word)}`, {
      hint: 'ipc help hook',
    });
  if (isTerminal(0))
    throw new Failure('invalid', "wanted a hook's JSON on stdin, found a terminal", {
      hint: 'ipc help hook',
    });
  try {
    const id = variable(call.world.environment, 'CLAUDE_CODE_SESSION_ID');
    const event = parseHookEvent(readHookInput(), id);
    // What a subagent is told, the session never sees.
    if (event === undefined || event.subagent) return 0;
    if (word === 'wait') {
      const { waitForMessage } = await import('../hook/wait.ts');
      return await waitForMessage(call, event);
    }
    await handle(call, event);
  } catch (error) {
    complain(call, error);
  }
  return 0;
}

async function handle(call: Call, event: HookEvent): Promise<void> {
  const acting = actingAs(event, call);
  if (event.moment === 'end') {
    const { endWaiter } = await import('../../doors/waiter.ts');
    return endWaiter(call.world.paths, event);
  }
  const named = nameOf(call, acting);
  // Codex may run a session's first hook before its server is there: then a later prompt joins them.
  const unsure = named === undefined || event.client === 'codex';
  const begins = event.moment === 'start' || (event.moment === 'prompt' && unsure);
  if (begins && !(await begin(call, event, acting))) return;
  if (!begins && named === undefined) return;
  await using session = await openAs(call, event, acting);
  const { atEvent } = await import('../../doors/hook.ts');
  try {
    await atEvent(event, {
      operations: session.operations,
      paths: session.paths,
      name: session.identity.name ?? '',
      note: nameNote({ asked: session.identity.told, name: session.identity.name }),
      reader: session.reader,
      now: call.world.now(),
      mute: call.output.absent,
      write: call.output.write,
    });
  } catch (error) {
    // Nobody wrote, so nobody is kept waiting.
    if (!isNotRunning(error)) throw error;
  }
}

/** Gives the session its name; false: another program of the same event does all that. */
async function begin(call: Call, event: HookEvent, acting: Acting): Promise<boolean> {
  const { takeName, namingLock } = await import('../naming/take-name.ts');
  const { mustGreet } = await import('../../doors/hook.ts');
  const { paths } = call.world;
  await using session = await openAs(call, event, acting, 'none');
  using _lock = await namingLock(paths);
  if (acting.session !== undefined) await joinServer(session, call, acting.session);
  if (nameOf(call, acting) === undefined) {
    const { identity, operations } = session;
    const told = identity.how === 'variable' ? identity.name : undefined;
    await takeName({ operations, identity, paths }, { kind: 'agent' }, told);
  }
  return event.moment !== 'start' || mustGreet(event, { paths, now: call.world.now() });
}

/** What a session begins with may start a daemon; what goes on in one does not. */
function openAs(
  call: Call,
  { moment }: HookEvent,
  acting: Acting,
  agent: 'named' | 'none' = 'named',
): Promise<Session> {
  return openSession(call.world, {
    ...acting,
    agent,
    start: moment === 'start' || moment === 'prompt' ? 'absent' : 'existing',
    say: () => undefined,
    meanwhile: () => undefined,
  });
}

function complain({ output, world }: Call, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  output.complain(`ipc hook: ${why}`);
  try {
    // In a home that is there; the daemon puts the file aside when it is long.
    if (existsSync(world.paths.home))
      appendFileSync(world.paths.log, logLine(world.now(), 'hook failed', { error: why }), { mode: 0o600 });
  } catch {
    // Nowhere to write it down.
  }
}

export const verb = { spec, run };
