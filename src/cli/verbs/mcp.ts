/**
 * `ipc mcp`: this session's server for a program that speaks the Model Context Protocol, on stdin and
 * stdout. The name is held before the client asks for anything, so that others see the session at once.
 */
import { channelAsked } from '../../mcp/channel-asked.ts';
import { asFailure } from '../../protocol/failures.ts';
import { parseOwnName, type AgentName } from '../../protocol/names.ts';
import { systemClock } from '../../system/clock.ts';
import { variable } from '../../system/environment.ts';
import { refuseUserName } from '../../system/identity.ts';
import { reserveStdout } from '../../system/output.ts';
import { localOffset } from '../../system/zone.ts';
import { autoCheckWords, autoChecking, IDLE_RULE } from '../auto-checking.ts';
import type { Call } from '../call.ts';
import type { Accompanied } from '../companions.ts';
import type { Held } from '../naming/hold-name.ts';
import { greetingOf, takeOrRename } from '../naming/held-words.ts';
import { serverFlags, toolsetsOf } from '../server-flags.ts';
import { stagingIn } from '../staging.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'mcp',
  summary: "Serve this session's tools, resources and channel to an MCP client on stdin and stdout",
  usage: '',
  group: 'system',
  words: { min: 0, max: 0 },
  flags: serverFlags,
  examples: [
    ['ipc mcp', 'what a client program starts; ipc setup writes it down there'],
    ['ipc mcp --toolsets messages,kernel', 'with tools for Jupyter kernels'],
    ['ipc mcp --as gemini', 'under this name while no other session holds it'],
  ],
  operations: {},
};

async function run(call: Call): Promise<void> {
  const sets = toolsetsOf(call.values);
  // Refused before anything is served: a client shows why its server did not start.
  if (call.as !== undefined) parseOwnName(call.as);
  reserveStdout();
  const [{ createServer }, { serveStdio }] = await Promise.all([
    import('../../mcp/server.ts'),
    import('../../mcp/stdio.ts'),
  ]);
  const { environment, paths } = call.world;
  const holder = holding(call);
  const asked = channelAsked(environment);
  const ending = new AbortController();
  const server = createServer({
    holder: holder.open,
    staging: stagingIn(paths),
    clock: systemClock(),
    offset: localOffset(environment),
    directory: variable(environment, 'CLAUDE_PROJECT_DIR') ?? environment.directory,
    home: paths.home,
    allowRun: call.values.on('allowRun'),
    allowFiles: true,
    channel: (declared) => asked || declared,
    follows: 'handshake',
    kernelsOnly: !sets.includes('messages'),
    ...(sets.includes('kernel')
      ? { kernels: (await import('../kernel/start.ts')).localKernels(call.world) }
      : {}),
    autoCheck: async (wish) => {
      const { name } = await holder.open();
      const rule = autoChecking(paths, name, wish);
      return `${name}: ${autoCheckWords(rule, call.world.now())}. ${IDLE_RULE}`;
    },
  });
  const held = async () => {
    // As a call would find it: a hook may have said meanwhile whose server this is.
    await server.follow();
    return holder.open();
  };
  void accompany(call, { held, signal: ending.signal });
  await serveStdio(server, call.output.say);
  ending.abort();
  await holder.close();
}

/** Nothing that runs beside the server may keep it from serving. */
async function accompany(
  call: Call,
  beside: { held: () => Promise<Accompanied>; signal: AbortSignal },
): Promise<void> {
  try {
    const { startCompanions } = await import('../companions.ts');
    await startCompanions(call, beside);
  } catch (error) {
    call.output.say(`nothing runs beside this server: ${asFailure(error).message}`);
  }
}

/** The session, held from the start; when that failed, it is tried again with the next call. */
function holding(call: Call) {
  let held: Promise<Held> | undefined;
  let begun: boolean | undefined;
  const open = async () => {
    held ??= hold(call);
    // A daemon that could not be reached may be there the next time.
    held.catch(() => (held = undefined));
    const found = await held;
    begun ??= await daemonIsFresh(found, call);
    const fresh = begun;
    return {
      operations: found.operations,
      reader: found.reader,
      get name() {
        return found.name;
      },
      greeting: () => greetingOf(found, { opening: 'Registered as', fresh }),
      client: found.identity.client,
      session: () => found.session(),
      follow: () => found.follow(),
      take: async (name: AgentName) => {
        refuseUserName(call.world.environment, name);
        return takeOrRename(found, name);
      },
    };
  };
  open().catch((error: unknown) => call.output.say(error instanceof Error ? error.message : String(error)));
  return { open, close: async () => (await held?.catch(() => undefined))?.close() };
}

async function hold(call: Call): Promise<Held> {
  const { holdName } = await import('../naming/hold-name.ts');
  return holdName(call, { doors: ['tool'] });
}

/** Whether the daemon came after this server: then this server's first call started it. */
async function daemonIsFresh({ operations }: Held, { world }: Call): Promise<boolean> {
  const { startedAt } = await operations['daemon.status']({});
  return Date.parse(startedAt) >= world.now() - performance.now();
}

export const verb = { spec, run };
