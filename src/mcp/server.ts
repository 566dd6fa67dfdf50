/**
 * `mcp/` is how `ipc` looks to a program that speaks the Model Context Protocol: tools, resources,
 * prompts, and the channel by which messages are pushed. It is a client like any other: it is handed the
 * operations of a session and knows neither socket nor store; with http/ it alone knows the MCP SDK.
 *
 * This file puts one server together for one session. It must not know its transport: stdio and HTTP
 * serve the very same one.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { version } from '../system/version.ts';
import { openArrivals, type Arrival } from './arrivals.ts';
import { Channel, declaresChannel } from './channel.ts';
import { serveCompletion } from './completion.ts';
import { confirming } from './hand-over.ts';
import { instructions } from './instructions.ts';
import type { Serving, ServingParts } from './parts.ts';
import { openPlaces } from './places.ts';
import { servePrompts } from './prompts.ts';
import { serveResources } from './resources.ts';
import { serveTools } from './serve-tools.ts';

export interface IpcServer {
  readonly mcp: McpServer;
  /** The server answers on it until either side closes. */
  connect(transport: Transport): Promise<void>;
  /** Acts under the name that the session has by now, if a hook or a command gave it another. */
  follow(): Promise<void>;
  /** Every answer under way was written, or given up. */
  drained(): Promise<void>;
  /** Follows arrivals, from the beginning if it did already. */
  listen(): void;
  /** Arrivals are not followed until `listen`. */
  rest(): void;
  /** The line for pushes was cut and opens again; the client has these messages of those pushed before. */
  reopened(known: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export function createServer(parts: ServingParts): IpcServer {
  const mcp = new McpServer(
    { name: 'ipc', title: 'ipc: messages between agents', version },
    {
      capabilities: {
        tools: {},
        resources: { subscribe: true, listChanged: true },
        prompts: {},
        completions: {},
        logging: {},
        experimental: { 'claude/channel': {} },
      },
      instructions,
    },
  );
  const { server } = mcp;
  const handOvers = confirming();
  const stopped = new AbortController();
  const listeners = new Set<(arrival: Arrival) => Promise<void> | void>();
  const say = (level: 'info' | 'warning', data: string): void => {
    // Nobody listening is no reason to fail.
    void mcp.sendLoggingMessage({ level, logger: 'ipc', data }).catch(() => undefined);
  };
  const channelIsOpen = (): boolean => parts.channel(declaresChannel({ server }));
  const arrivals = openArrivals({
    holder: parts.holder,
    signal: stopped.signal,
    door: () => (channelIsOpen() ? 'channel' : 'tool'),
    told: async (arrival) => {
      for (const listener of listeners) await listener(arrival);
    },
    began: () => channel.restart(),
    troubled: (why) => say('warning', why),
  });
  const serving: Serving = {
    ...parts,
    holder: async () => {
      const holder = await parts.holder();
      if (await holder.follow()) arrivals.restart();
      // What was just handed over is confirmed before anything else is asked: a reply finds it.
      await handOvers.confirmed();
      return holder;
    },
    mcp,
    server,
    arrivals,
    handOvers,
    say,
    signal: stopped.signal,
    places: openPlaces(server, parts),
    onArrival: (listener) => void listeners.add(listener),
  };
  serveTools(serving);
  serveResources(serving);
  servePrompts(serving);
  serveCompletion(serving);
  const channel = new Channel(serving);
  // Asked with each arrival: a client that sends hello and `initialized` in one breath has that notice
  // handled before its capabilities are known.
  serving.onArrival((arrival) => (channelIsOpen() ? channel.take(arrival) : undefined));
  if (parts.follows === 'handshake') server.oninitialized = () => arrivals.start();
  server.onclose = () => stopped.abort();
  return {
    mcp,
    connect: (transport) => mcp.connect(handOvers.over(transport)),
    follow: async () => void (await serving.holder()),
    drained: () => handOvers.drained(),
    listen: () => arrivals.start(),
    rest: () => arrivals.stop(),
    reopened: (known) => channel.reopened(known),
    close: () => {
      stopped.abort();
      return mcp.close();
    },
  };
}
