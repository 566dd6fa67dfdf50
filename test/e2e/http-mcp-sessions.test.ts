/** Sessions of `/mcp` on the wire: begun, found, refused, ended; and what a cut answer does not claim. */
import { describe, expect, test } from 'bun:test';
import { openDoor, type HttpDoor } from './http-door.ts';
import { openHttpMcp, reachable, tokenFor, whoIsHere } from './http-mcp-client.ts';
import { eventually, openMachine } from './machine.ts';

const hello = (id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});

class Raw {
  readonly #door: HttpDoor;
  readonly #token: string;
  session: string | undefined;

  constructor(door: HttpDoor, token: string) {
    this.#door = door;
    this.#token = token;
  }

  headers(more: Record<string, string> = {}): Record<string, string> {
    return {
      authorization: `Bearer ${this.#token}`,
      accept: 'application/json, text/event-stream',
      ...(this.session === undefined ? {} : { 'mcp-session-id': this.session }),
      ...more,
    };
  }

  async post(message: unknown, more: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return await fetch(`${this.#door.url}/mcp`, {
      method: 'POST',
      headers: this.headers({ 'content-type': 'application/json', ...more }),
      body: typeof message === 'string' ? message : JSON.stringify(message),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async begin(): Promise<this> {
    const response = await this.post(hello());
    expect(response.status).toBe(200);
    this.session = response.headers.get('mcp-session-id') ?? '';
    await response.text();
    await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return this;
  }

  async get(more: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return await fetch(`${this.#door.url}/mcp`, {
      headers: this.headers(more),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async delete(): Promise<Response> {
    return await fetch(`${this.#door.url}/mcp`, { method: 'DELETE', headers: this.headers() });
  }
}

describe('a session', () => {
  test('needs a token, begins with initialize, belongs to its token, and ends with DELETE', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const raw = await new Raw(door, await tokenFor(machine, 'bob')).begin();
    const other = new Raw(door, await tokenFor(machine, 'eve'));
    expect((await new Raw(door, 'ipc_wrong').post(hello())).status).toBe(401);
    expect((await other.post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(400);
    other.session = raw.session;
    for (const answer of [
      await other.post({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      await other.get(),
      await other.delete(),
    ])
      expect(answer.status).toBe(404);
    expect((await raw.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(200);
    expect((await raw.delete()).status).toBe(200);
    expect((await raw.post({ jsonrpc: '2.0', id: 3, method: 'ping' })).status).toBe(404);
    expect((await raw.post('{', {})).status).toBe(400);
    expect((await raw.post(hello(), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await raw.post(JSON.stringify({ ...hello(), pad: 'x'.repeat(4_200_000) }))).status).toBe(413);
    expect((await fetch(`${door.url}/mcp`, { method: 'PUT' })).status).toBe(405);
  });

  test('speaks the era that has channels, whatever the client asks for', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const raw = new Raw(door, await tokenFor(machine, 'bob'));
    const discover = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: {} };
    expect((await raw.post(discover, { 'mcp-protocol-version': '2026-07-28' })).status).toBe(400);
    const asked = hello();
    asked.params.protocolVersion = '2026-07-28';
    expect(await (await raw.post(asked)).text()).toContain('"protocolVersion":"2025-11-25"');
  });

  test('has one stream; the second gets 409, and one that goes on where the first was takes its place', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const raw = await new Raw(door, await tokenFor(machine, 'bob')).begin();
    const first = await raw.get();
    expect(first.status).toBe(200);
    // Bun keeps the headers back until there is a byte: they are here, so there was one.
    const reader = (first.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(': open\n\n');
    expect((await raw.get()).status).toBe(409);
    // What tells the list changed has an id.
    await machine.ok(['send', '--as', 'alice', 'bob', 'hi']);
    const event = new TextDecoder().decode((await reader.read()).value);
    const id = /^id: (.+)$/m.exec(event)?.[1] ?? '';
    const resumed = await raw.get({ 'last-event-id': id });
    expect(resumed.status).toBe(200);
    expect((await reader.read()).done).toBe(true);
    await resumed.body?.cancel();
    expect((await raw.get({ 'last-event-id': 'of another session' })).status).toBe(400);
  });

  test('is heard of before anything is said of it: nobody is listed who only said hello', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'tester');
    for (let number = 0; number < 5; number += 1) await new Raw(door, token).begin();
    await using one = await openHttpMcp(door.url, token);
    await reachable(machine, 'agent-1');
    expect((await whoIsHere(machine)).map(({ name }) => name)).not.toContain('agent-2');
    expect(await one.text('who')).toContain('You are agent-1');
    // Names and messages are nobody's business who reads the log (I8).
    await one.text('send', { to: 'bob', text: 'a secret between us' });
    expect(door.log()).not.toContain('secret');
    expect(door.log()).not.toContain('agent-1');
    expect(door.log()).not.toContain(token);
  });

  test('tells its model what a channel is, and is kept from web pages (I6, I11)', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    await using bob = await openHttpMcp(door.url, token);
    expect(bob.client.getInstructions()).toContain('<channel');
    expect(bob.client.getServerCapabilities()?.experimental).toEqual({ 'claude/channel': {} });
    const evil = await new Raw(door, token).post(hello(), { origin: 'http://evil.example' });
    expect(evil.status).toBe(403);
    expect(evil.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('whose header says so is pushed to as one that declares it; others are not, and nothing is claimed', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    await using told = await openHttpMcp(door.url, await tokenFor(machine, 'told'), {
      channel: false,
      headers: { 'ipc-channel': '1' },
    });
    await using plain = await openHttpMcp(door.url, await tokenFor(machine, 'plain'), { channel: false });
    await reachable(machine, 'told');
    await plain.text('who');
    for (const to of ['told', 'plain']) await machine.ok(['send', '--as', 'alice', to, 'hello']);
    await eventually(async () => told.pushed[0]);
    expect(
      await eventually(async () => {
        const text = await plain.text('who');
        return text.includes('unread') ? text : undefined;
      }),
    ).toContain('1 unread from alice');
    expect(plain.pushed).toEqual([]);
    expect(await machine.ok(['receipts', '--as', 'alice'])).toContain('plain: queued');
    await eventually(async () =>
      (await machine.ok(['receipts', '--as', 'alice'])).includes('told: offered (channel)')
        ? true
        : undefined,
    );
  });
});

describe('an answer that nobody took', () => {
  test('hands nothing over: the message comes again', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const raw = await new Raw(door, await tokenFor(machine, 'bob')).begin();
    const gone = new AbortController();
    const call = { name: 'check', arguments: { wait: 20 } };
    const response = await raw.post(
      { jsonrpc: '2.0', id: 7, method: 'tools/call', params: call },
      {},
      gone.signal,
    );
    expect(response.status).toBe(200);
    await eventually(async () =>
      (await whoIsHere(machine)).some(({ name }) => name === 'bob') ? true : undefined,
    );
    gone.abort();
    await machine.ok(['send', '--as', 'alice', 'bob', 'for nobody yet']);
    const again = await raw.post({ jsonrpc: '2.0', id: 8, method: 'tools/call', params: call });
    expect(await again.text()).toContain('for nobody yet');
    await eventually(async () =>
      (await machine.ok(['receipts', '--as', 'alice'])).includes('bob: handed (tool)') ? true : undefined,
    );
  });
});
