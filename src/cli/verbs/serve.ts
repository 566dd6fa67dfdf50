/** `ipc serve`: the HTTP door, in the foreground, until it is told to end. */
import { Failure } from '../../protocol/failures.ts';
import { isLoopback } from '../../http/guard.ts';
import { routing } from '../../http/routes.ts';
import type { McpSessions } from '../../http/mcp/sessions.ts';
import { HttpDoor, type Route } from '../../http/server.ts';
import { pause, systemClock } from '../../system/clock.ts';
import { localOffset } from '../../system/zone.ts';
import { readConfig } from '../../system/config.ts';
import { type Environment, variable } from '../../system/environment.ts';
import { userName } from '../../system/identity.ts';
import { prepareHome } from '../../system/home.ts';
import { logLine } from '../../system/log.ts';
import { listTokens, openTokens } from '../../system/tokens.ts';
import type { Call } from '../call.ts';
import { interruptible } from '../interrupt.ts';
import { openAs } from '../open-as.ts';
import type { Spec } from '../verb.ts';

const PORT = 8_788;
const MCP_BODY_BYTES = 4_194_304;
/** Told to end it ends: what has not let go by then, such as a daemon that does not answer, is left. */
const END_MS = 7_000;

const spec: Spec = {
  name: 'serve',
  summary: 'Take messages over HTTP: REST, live events, webhooks, MCP',
  usage: '',
  group: 'system',
  words: { min: 0, max: 0 },
  flags: [
    {
      name: 'port',
      field: 'port',
      kind: 'integer',
      hint: 'n',
      min: 0,
      max: 65_535,
      help: `PORT, else ${PORT}; 0: any free one`,
    },
    {
      name: 'host',
      field: 'host',
      kind: 'text',
      hint: 'address',
      help: 'address to listen on',
      initial: '127.0.0.1',
    },
    {
      name: 'allow-remote',
      field: 'allowRemote',
      kind: 'switch',
      help: 'let other machines in, with tokens',
    },
    {
      name: 'allow-host',
      field: 'allowHost',
      kind: 'text',
      hint: 'name',
      repeat: true,
      help: 'a host name it is known by, such as that of a tunnel',
    },
  ],
  examples: [
    ['ipc serve', 'on localhost:8788 until Ctrl-C'],
    [
      'curl -H "Authorization: Bearer $(ipc token show)" -d "deploy finished" localhost:8788',
      'a message to you',
    ],
    ['ipc serve --host 0.0.0.0 --allow-remote', 'for other machines; put TLS in front'],
  ],
  notes:
    'Every route but /healthz asks for a token (ipc token create) or a signature (ipc webhook add); GET /v1 lists the routes. Web pages of other sites are refused.',
  operations: {},
};

async function run(call: Call): Promise<number> {
  // The program is built to compile late (scripts/build.ts); what stays does better with the usual.
  Bun.unsafe.setJITPolicy(1);
  using interrupt = interruptible();
  const { world, values, output } = call;
  const { environment, paths } = world;
  prepareHome(paths, environment);
  const config = readConfig(paths, environment);
  const host = values.text('host') ?? '127.0.0.1';
  const remote = remoteAllowed(call, host);
  const say = (event: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    output.say(logLine(world.now(), event, facts).trimEnd());
  const mcp = mcpRoute(call);
  const door = new HttpDoor(
    {
      host,
      port: values.number('port') ?? portOf(environment),
      guard: {
        names: new Set(values.texts('allowHost').map((name) => name.toLowerCase())),
        anyAddress: remote ? 'accepted' : 'refused',
      },
      limits: {
        tokenPerMinute: config['http.tokenPerMinute'],
        addressPerMinute: config['http.addressPerMinute'],
        streams: config['http.streams'],
        idleSeconds: config['http.idleSeconds'],
        keepAliveSeconds: config['http.keepAliveSeconds'],
      },
      open: (opening) => openAs(world, opening),
      tokens: openTokens(paths),
      paths,
      // Asked each time: a setting counts at once.
      defaultTo: () => readConfig(paths, environment)['http.defaultTo'] || userName(environment),
      now: world.now,
      log: say,
    },
    routing(mcp.route),
  );
  const server = door.start();
  const { url, port } = server;
  if (remote) await output.warn('other machines may connect; nothing is encrypted here: put TLS in front');
  if (call.json) await call.print({ url, port, pid: environment.pid }, () => '');
  say('serving', { url, pid: environment.pid });
  await aborted(interrupt.signal);
  say('stopping', { url });
  const ended = server.stop().then(() => mcp.close());
  const inTime = await Promise.race([ended.then(() => true), pause(END_MS).then(() => false)]);
  if (!inTime) say('unfinished', { url, milliseconds: END_MS });
  return 0;
}

/** Loaded with the first session: a server that takes webhooks alone does not pay for it. */
function mcpRoute({ world }: Call): { readonly route: Route; close(): Promise<void> } {
  const { environment, paths } = world;
  let sessions: Promise<McpSessions> | undefined;
  const load = async (): Promise<McpSessions> => {
    const [{ McpSessions }, { serveIpc }, { holdForHttp, wantedOverHttp }, { stagingIn }] = await Promise.all(
      [
        import('../../http/mcp/sessions.ts'),
        import('../../http/mcp/ipc-session.ts'),
        import('../naming/hold-http.ts'),
        import('../staging.ts'),
      ],
    );
    return new McpSessions(
      serveIpc({
        hold: (wish) => holdForHttp(world, wish),
        wanted: (wish) => wantedOverHttp(world, wish),
        staging: stagingIn(paths),
        clock: systemClock(),
        offset: localOffset(environment),
        home: paths.home,
      }),
    );
  };
  return {
    route: {
      methods: ['DELETE', 'GET', 'POST'],
      bodyLimit: MCP_BODY_BYTES,
      handle: async (request, context) => (await (sessions ??= load())).handle(request, context),
    },
    close: async () => (await sessions)?.close(),
  };
}

/** Throws `not_allowed` for an address that others can reach, unless that is wanted and tokens are there. */
function remoteAllowed({ values, world }: Call, host: string): boolean {
  if (isLoopback(host)) return false;
  if (!values.on('allowRemote'))
    throw new Failure('not_allowed', `wanted an address of this machine alone, found ${host}`, {
      hint: `ipc serve --host ${host} --allow-remote`,
    });
  if (listTokens(world.paths).length > 0) return true;
  throw new Failure('not_allowed', 'wanted tokens before other machines are let in, found none', {
    hint: 'ipc token create --agent <name>',
  });
}

function portOf(environment: Environment): number {
  const text = variable(environment, 'PORT');
  if (text === undefined) return PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new Failure('invalid', `wanted PORT as a number to 65535, found ${JSON.stringify(text)}`, {
    hint: 'unset PORT',
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const verb = { spec, run };
