/** The HTTP door under the bench: a server of its own on any free port, and those who speak to it. */
import { readFileSync } from 'node:fs';
import { byChunks, byContentLength, openLine } from './line.ts';
import type { Sender } from './load.ts';
import { isRecord } from './session.ts';
import type { Bench, Site } from './site.ts';

/** So that it is not the limit that is measured; everything else is as it comes. */
const UNLIMITED = { IPC_HTTP_TOKEN_PER_MINUTE: '1000000000' };

interface Door {
  readonly port: number;
  readonly pid: number;
}

export async function withDoor<T>(site: Site, bench: Bench, work: (door: Door) => Promise<T>): Promise<T> {
  const server = Bun.spawn([bench.binary, 'serve', '--port', '0', '--json'], {
    env: { ...site.env, ...UNLIMITED },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  try {
    const { value } = await server.stdout.getReader().read();
    const facts: unknown = JSON.parse(new TextDecoder().decode(value));
    if (!isRecord(facts) || typeof facts['port'] !== 'number') throw new Error('ipc serve named no port');
    return await work({ port: facts['port'], pid: server.pid });
  } finally {
    server.kill();
    await server.exited;
  }
}

export async function httpSender(port: number, token: string, to: string): Promise<Sender> {
  const line = await openLine(port, byContentLength);
  const head = `POST /v1/send HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  return {
    send: async (text) => {
      const payload = JSON.stringify({ id: Bun.randomUUIDv7(), to: [to], body: text });
      const answer = await line.ask(`${head}content-length: ${payload.length}\r\n\r\n${payload}`);
      if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`the HTTP door says ${answer}`);
    },
    close: line.close,
  };
}

/** Calls one tool of `/mcp`, over one connection; resolves with each answer. */
export interface McpCaller {
  call(tool: string, given: Readonly<Record<string, unknown>>): Promise<string>;
  close(): void;
}

export async function mcpCaller(port: number, token: string): Promise<McpCaller> {
  const line = await openLine(port, byChunks);
  let session = '';
  let number = 0;
  const ask = async (method: string, params: object): Promise<string> => {
    number += 1;
    const payload = JSON.stringify({ jsonrpc: '2.0', id: number, method, params });
    const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n${session}`;
    const types = 'content-type: application/json\r\naccept: application/json, text/event-stream\r\n';
    const answer = await line.ask(`${head}${types}content-length: ${payload.length}\r\n\r\n${payload}`);
    if (
      !answer.startsWith('HTTP/1.1 200') ||
      !answer.includes('"result"') ||
      answer.includes('"isError":true')
    )
      throw new Error(`/mcp says ${answer}`);
    return answer;
  };
  const clientInfo = { name: 'bench', version: '1' };
  const begun = await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
  session = `mcp-session-id: ${/^mcp-session-id: *(\S+)/im.exec(begun)?.[1]}\r\n`;
  return {
    call: (tool, given) => ask('tools/call', { name: tool, arguments: given }),
    close: line.close,
  };
}

/** Resolves when the stream has begun. */
export async function openStream(
  port: number,
  token: string,
  take: (chunk: string) => void,
): Promise<{ close: () => void }> {
  const begun = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (_socket, chunk) => {
        const text = chunk.toString('latin1');
        if (text.includes(': connected')) begun.resolve();
        take(text);
      },
      close: () => begun.reject(new Error('the stream was closed before it began')),
    },
  });
  socket.write(`GET /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await begun.promise;
  return { close: () => void socket.end() };
}

export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
