/** The daemon's door with a broker of the test's own behind it: what comes in, what goes out, nothing else. */
import type { Opening, OpenSession } from '../../src/core/broker.ts';
import type { Handlers } from '../../src/protocol/operations.ts';
import { startServer, type Server, type ServerParts } from '../../src/rpc/server.ts';
import { Client, type ClientParts } from '../../src/rpc/client.ts';
import { reach } from '../../src/rpc/ensure.ts';
import { systemClock } from '../../src/system/clock.ts';
import { version } from '../../src/system/version.ts';
import type { TestHome } from './home.ts';

export interface FakeServer extends AsyncDisposable {
  readonly server: Server;
  readonly openings: Opening[];
  readonly closings: string[];
  readonly logged: string[];
}

export type FakeHandlers = { readonly [K in keyof Handlers]?: (...call: never[]) => unknown };

export function fakeServer(
  home: TestHome,
  handlers: FakeHandlers = {},
  parts: Partial<ServerParts> & { readonly admit?: (opening: Opening) => void } = {},
): FakeServer {
  const openings: Opening[] = [];
  const closings: string[] = [];
  const logged: string[] = [];
  const clock = systemClock();
  const open = async (opening: Opening): Promise<OpenSession> => {
    openings.push(opening);
    parts.admit?.(opening);
    return {
      handlers: handlers as unknown as Handlers,
      created: false,
      agentName: () => opening.credential?.name,
      kind: () => opening.caller.kind,
      provider: () => Promise.reject(new Error('this server has no kernels')),
      close: async (reason) => void closings.push(reason),
    };
  };
  const server = startServer({
    path: home.paths.socket,
    uid: home.environment.uid,
    maxConnections: 64,
    version,
    pid: home.environment.pid,
    secret: () => undefined,
    open,
    after: clock.after,
    turn: clock.turn,
    log: (event, facts) => void logged.push(`${event} ${JSON.stringify(facts ?? {})}`),
    broken: () => undefined,
    ...parts,
  });
  return { server, openings, closings, logged, [Symbol.asyncDispose]: () => server.stop(0) };
}

export function clientOf(home: TestHome, parts: Partial<ClientParts> = {}): Client {
  return new Client({
    connect: (receive) =>
      reach({ paths: home.paths, environment: home.environment, start: 'existing' }, receive),
    caller: { client: 'test', kind: 'human', pid: home.environment.pid },
    credential: { name: 'bob', key: 'k'.repeat(43) },
    ...parts,
  });
}
