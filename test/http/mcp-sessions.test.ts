import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, test } from 'bun:test';
import { McpSessions } from '../../src/http/mcp/sessions.ts';
import { serveFixture } from '../support/conformance-fixture.ts';
import { type FixtureDoor, openFixtureDoor } from '../support/fixture-door.ts';
import { until } from '../support/until.ts';

/** A client with a session of its own; its stream stands, where it is to have one. */
async function begin(
  door: FixtureDoor,
  stream: 'with a stream' | 'without',
): Promise<{ client: Client; id: string }> {
  let streams = 0;
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', door.url), {
    requestInit: { headers: { authorization: `Bearer ${door.token}` } },
    fetch: async (url, init) => {
      const isGet = init?.method === 'GET';
      if (isGet && stream === 'without') return new Response(null, { status: 405 });
      const response = await fetch(url, init);
      if (isGet && response.ok) streams += 1;
      return response;
    },
  });
  const client = new Client({ name: 'quiet', version: '1' });
  await client.connect(transport);
  if (stream === 'with a stream') await until(() => streams === 1, 'the stream');
  return { client, id: transport.sessionId ?? '' };
}

/** 404: its client would have to begin another. */
async function statusOf(door: FixtureDoor, session: string): Promise<number> {
  const response = await fetch(`${door.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${door.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': session,
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  await response.body?.cancel();
  return response.status;
}

describe('a session', () => {
  test('that only listens is not dropped for being quiet; one whose client is gone is (I10)', async () => {
    const ended: string[] = [];
    const limits = { most: 10, quietMs: 200, idleMs: 1_500 };
    const sessions = new McpSessions((line) => {
      const served = serveFixture(line);
      const close = async (): Promise<void> => {
        ended.push(line.id);
        await served.close();
      };
      return { connect: (transport) => served.connect(transport), close };
    }, limits);
    await using door = await openFixtureDoor(sessions);
    const listener = await begin(door, 'with a stream');
    const gone = await begin(door, 'without');
    // The listener began before it and asks as little: it would have ended before it.
    await until(() => ended.includes(gone.id), 'the end of the session whose client is gone');
    expect(ended).toEqual([gone.id]);
    expect(await statusOf(door, gone.id)).toBe(404);
    expect(await statusOf(door, listener.id)).toBe(200);
    await Promise.all([listener.client.close(), gone.client.close()]);
    await until(() => ended.includes(listener.id), 'the end of the session whose stream is gone');
  });
});

test('only what the MCP SDK documents is used of it, in one version (I9)', async () => {
  const manifest = (await Bun.file(`${import.meta.dir}/../../package.json`).json()) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(manifest.dependencies['@modelcontextprotocol/sdk']).toMatch(/^\d+\.\d+\.\d+$/);
  const src = `${import.meta.dir}/../../src`;
  const inside: string[] = [];
  for (const file of new Bun.Glob('{http,mcp}/**/*.ts').scanSync(src)) {
    const text = await Bun.file(`${src}/${file}`).text();
    // Its private fields begin with _; so does _meta, which the specification names.
    for (const [found, name] of text.matchAll(/(?:\.|\[\s*['"`])(_\w+)/g))
      if (name !== '_meta') inside.push(`${file}: ${found}`);
    for (const [, path = ''] of text.matchAll(/from '@modelcontextprotocol\/sdk\/([^']+)'/g))
      if (!/^(?:server|client|shared|types|validation)\b/.test(path)) inside.push(`${file}: ${path}`);
  }
  expect(inside).toEqual([]);
});
