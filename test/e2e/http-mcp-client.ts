/** The SDK's own client over the `/mcp` of the compiled `ipc serve`. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { eventually, type Machine } from './machine.ts';
import { type Tools, toolsOf } from './mcp-client.ts';

export const ALL = 'check,manage,read,send';

const Notice = z.object({
  method: z.literal('notifications/claude/channel'),
  params: z.object({ content: z.string(), meta: z.record(z.string(), z.string()) }),
});
type Pushed = z.infer<typeof Notice>['params'];

export interface HttpMcpOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether it says that it shows a channel; it does unless told otherwise. */
  readonly channel?: boolean;
  readonly name?: string;
}

export interface HttpMcp extends Tools, AsyncDisposable {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  readonly pushed: Pushed[];
  readonly trouble: Error[];
}

export async function openHttpMcp(
  url: string,
  token: string,
  options: HttpMcpOptions = {},
): Promise<HttpMcp> {
  const pushed: Pushed[] = [];
  const trouble: Error[] = [];
  const experimental = { 'claude/channel': {} };
  const capabilities = options.channel === false ? {} : { experimental };
  const client = new Client({ name: options.name ?? 'test-client', version: '1' }, { capabilities });
  client.setNotificationHandler(Notice, ({ params }) => void pushed.push(params));
  client.onerror = (error) => void trouble.push(error);
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: { authorization: `Bearer ${token}`, ...options.headers } },
    reconnectionOptions: {
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 20,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 100,
    },
  });
  await client.connect(transport);
  return {
    ...toolsOf(client),
    client,
    transport,
    pushed,
    trouble,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

export async function tokenFor(machine: Machine, agent: string, scope = ALL): Promise<string> {
  return (await machine.ok(['token', 'create', '--agent', agent, '--scope', scope])).trim();
}

interface Seen {
  readonly name: string;
  readonly presence: string;
  readonly doors: readonly string[];
}

export async function whoIsHere(machine: Machine): Promise<readonly Seen[]> {
  return (await machine.json<{ agents: Seen[] }>(['who'])).agents;
}

/** Waits until `who` shows that pushes reach it. */
export async function reachable(machine: Machine, name: string): Promise<void> {
  await eventually(async () => {
    const agent = (await whoIsHere(machine)).find((each) => each.name === name);
    return agent?.doors.includes('channel') === true ? true : undefined;
  });
}
