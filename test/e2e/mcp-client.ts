/** The SDK's own client over the compiled `ipc mcp`, as a client program would run it. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult, ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { BINARY, type Machine } from './machine.ts';

export interface McpOptions {
  readonly as?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly capabilities?: ClientCapabilities;
  /** Before the handshake: handlers of what the server asks or says. */
  readonly prepare?: (client: Client) => void;
  readonly cwd?: string;
  /** Below a process of its own: of a program nobody knows, the parent tells its sessions apart. */
  readonly alone?: true;
  /** The mask for new files of such a process. */
  readonly mask?: string;
}

/** A server's tools as a test calls them, over whatever transport. */
export interface Tools {
  /** The result of a tool. */
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>;
  /** Its text; throws when the tool failed. */
  text(name: string, args?: Record<string, unknown>): Promise<string>;
  /** The text of its failure; throws when it did not fail. */
  refused(name: string, args?: Record<string, unknown>): Promise<string>;
}

export interface McpSession extends Tools, AsyncDisposable {
  readonly client: Client;
  readonly pid: number;
  readonly stderr: () => string;
}

export async function openMcp(machine: Machine, options: McpOptions = {}): Promise<McpSession> {
  const client = new Client(
    { name: 'test-client', version: '1' },
    { capabilities: options.capabilities ?? {} },
  );
  options.prepare?.(client);
  const named = options.as === undefined ? [] : ['--as', options.as];
  const words = ['mcp', ...named, ...(options.args ?? [])];
  const transport = new StdioClientTransport({
    ...(options.alone === true
      ? {
          command: 'sh',
          args: ['-c', `umask ${options.mask ?? '022'}; "$0" "$@"; exit $?`, BINARY, ...words],
        }
      : { command: BINARY, args: words }),
    env: { HOME: machine.directory, USER: 'tester', TZ: 'UTC', IPC_HOME: machine.home, ...options.env },
    cwd: options.cwd ?? machine.directory,
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await client.connect(transport);
  return {
    ...toolsOf(client),
    client,
    pid: transport.pid ?? 0,
    stderr: () => stderr,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

export function toolsOf(client: Client): Tools {
  const call: Tools['call'] = async (name, args = {}) =>
    (await client.callTool({ name, arguments: args })) as CallToolResult;
  return {
    call,
    text: async (name, args) => {
      const result = await call(name, args);
      if (result.isError === true) throw new Error(`${name} failed: ${textOf(result)}`);
      return textOf(result);
    },
    refused: async (name, args) => {
      const result = await call(name, args);
      if (result.isError !== true) throw new Error(`wanted ${name} to fail, found ${textOf(result)}`);
      return textOf(result);
    },
  };
}

export function textOf({ content }: CallToolResult): string {
  return content.map((part) => (part.type === 'text' ? part.text : `<${part.type}>`)).join('\n');
}

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

/** The first id of a message in a text. */
export function idIn(text: string): string {
  const [id] = ID.exec(text) ?? [];
  if (id === undefined) throw new Error(`wanted the id of a message, found ${text}`);
  return id;
}
