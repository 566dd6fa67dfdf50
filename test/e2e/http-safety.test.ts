/** Who the HTTP door keeps out, and what it keeps to itself, by the compiled binary (issue 4; defects of system 003). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Caller, type HttpDoor, openDoor } from './http-door.ts';
import { type Machine, openMachine } from './machine.ts';
import { openMcp } from './mcp-client.ts';

let machine: Machine;
let door: HttpDoor;
let ann: Caller;
beforeAll(async () => {
  machine = await openMachine();
  door = await openDoor(machine);
  ann = await Caller.of(machine, door, 'ann', 'send,check,read');
});
afterAll(() => machine[Symbol.asyncDispose]());

const routes = ['/v1', '/v1/openapi.json', '/v1/who', '/v1/events', '/v1/export', '/v1/history'] as const;
const hello = { to: ['bob'], body: 'hello' };

describe('without a token (I6)', () => {
  test('nothing is read and nothing is sent; only that the server is there is told', async () => {
    const nobody = new Caller(door, undefined);
    for (const path of routes) {
      const { status, headers, body } = await nobody.ask(path);
      expect([path, status, body['code']]).toEqual([path, 401, 'credential_refused']);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="ipc"');
    }
    expect((await nobody.post('/v1/send', hello)).status).toBe(401);
    expect(await nobody.ask('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test.each([
    ['another token', 'Bearer ipc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['no secret', 'Bearer '],
    ['another scheme', 'Basic YW5uOnNlY3JldA=='],
  ])('nor with %s', async (_what, authorization) => {
    expect((await new Caller(door, undefined).ask('/v1/who', { headers: { authorization } })).status).toBe(
      401,
    );
  });

  test('nor with a token in the address, where it would be logged', async () => {
    expect((await new Caller(door, undefined).ask(`/v1/who?access_token=${ann.token}`)).status).toBe(401);
  });

  test('the file of tokens is this user’s alone and holds none of them', async () => {
    const path = join(machine.home, 'tokens.json');
    const text = await readFile(path, 'utf8');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(text).not.toContain(ann.token);
    expect(text).toContain(new Bun.CryptoHasher('sha256').update(ann.token).digest('hex'));
  });

  test('a file of tokens that is damaged opens for nobody', async () => {
    const other = await openMachine();
    await using _other = other;
    const own = await openDoor(other);
    const eve = await Caller.of(other, own, 'eve');
    expect((await eve.ask('/v1')).status).toBe(200);
    await writeFile(join(other.home, 'tokens.json'), '{"tokens": "all"}');
    // Not the caller's fault; nor is it told where this home lies.
    const { status, body } = await eve.ask('/v1');
    expect([status, body['code']]).toEqual([500, 'internal']);
    expect(JSON.stringify(body)).not.toContain(other.home);
    await own.stop();
    expect(own.log()).toContain(join(other.home, 'tokens.json'));
  });
});

describe('a token', () => {
  test('is good for its scopes and no more', async () => {
    const sender = await Caller.of(machine, door, 'ci', 'send');
    expect((await sender.post('/v1/send', hello)).status).toBe(200);
    for (const [path, scope] of [
      ['/v1/check', 'check'],
      ['/v1/history', 'read'],
      ['/v1/rename', 'manage'],
    ] as const) {
      const { status, body } = await sender.post(path, path === '/v1/rename' ? { name: 'x' } : {});
      expect([status, body['code'], body['detail']]).toEqual([
        403,
        'not_allowed',
        expect.stringContaining(scope),
      ]);
    }
    expect((await sender.ask('/v1/events')).status).toBe(403);
    const { body } = await sender.ask('/v1');
    const { operations } = body as { operations: { operation: string; allowed: boolean }[] };
    const allowed = operations.filter((each) => each.allowed).map(({ operation }) => operation);
    expect(allowed.toSorted()).toEqual(['ask', 'cancel', 'reply', 'send']);
  });

  test('that ipc token show prints sends as the user, and is the same the next time', async () => {
    const [token, again] = [await machine.ok(['token', 'show']), await machine.ok(['token', 'show'])];
    expect(again).toBe(token);
    expect((await stat(join(machine.home, 'token'))).mode & 0o777).toBe(0o600);
    const caller = new Caller(door, token.trim());
    expect((await caller.ask('/v1')).body).toMatchObject({ agent: 'tester', scopes: ['send'] });
    await machine.ok(['token', 'revoke', 'default']);
    expect((await caller.ask('/v1')).status).toBe(401);
    expect(await machine.ok(['token', 'show'])).not.toBe(token);
  });

  test.each([
    [['token', 'create'], 64, '--agent'],
    [['token', 'create', '--agent', 'x', '--scope', 'everything'], 64, 'check, kernel, manage, read, send'],
    [['token', 'create', '--agent', 'all'], 64, 'reserved'],
    [['token', 'revoke', 'nonesuch'], 66, 'nonesuch'],
  ])('is refused: %j', async (args, code, said) => {
    const found = await machine.run(args);
    expect([found.code, found.stderr]).toEqual([code, expect.stringContaining(said)]);
  });

  test('of an agent that is here itself only looks at its mail, unless it is told to take it', async () => {
    await using _session = await openMcp(machine, { as: 'live' });
    const caller = await Caller.of(machine, door, 'live');
    const { id } = await ann.done<{ id: string }>('/v1/send', { to: ['live'], body: 'for the session' });
    for (const _time of ['once', 'and again'])
      expect(await caller.done('/v1/check')).toMatchObject({ peeked: true, messages: [{ id }] });
    expect(await caller.done('/v1/confirm', { deliveries: [{ id, attempt: 1 }] })).toMatchObject({
      confirmed: 0,
    });
    expect(await caller.done('/v1/check', { take: true })).toMatchObject({
      peeked: false,
      messages: [{ id }],
    });
    await caller.done('/v1/confirm', { deliveries: [{ id, attempt: 1 }] });
    expect(await caller.done('/v1/check')).toMatchObject({ messages: [] });
  });

  test('follows its agent into another name at once, however long nobody uses it', async () => {
    const caller = await Caller.of(machine, door, 'first');
    await machine.ok(['rename', 'second', '--as', 'first']);
    expect((await caller.ask('/v1')).body).toMatchObject({ agent: 'second' });
    expect(await machine.ok(['token', 'list'])).toMatch(/ second +check,read,send/);
  });

  test('of an agent that was removed makes it anew, as after a restart of the server', async () => {
    const caller = await Caller.of(machine, door, 'short-lived');
    await caller.done('/v1/send', { to: ['bob'], body: 'before' });
    await machine.ok(['agent', 'remove', 'short-lived', '--force', '--yes']);
    await caller.done('/v1/send', { to: ['bob'], body: 'after' });
    expect(await caller.done('/v1/whoami')).toMatchObject({ you: { name: 'short-lived' } });
  });
});

describe('a web page (I6)', () => {
  test.each([
    ['that lets its own name lead here', { host: 'evil.example:8788' }],
    ['with a name like ours', { host: 'localhost.evil.example' }],
    ['by the address of this machine in a network', { host: '192.168.1.5:8788' }],
    ['from another origin', { origin: 'http://evil.example' }],
    ['from another port of this machine', { origin: 'http://localhost:3000' }],
    ['from a file or a sandbox', { origin: 'null' }],
    ['in an image or a form, which say no origin', { 'sec-fetch-site': 'cross-site' }],
    ['of a sister site', { 'sec-fetch-site': 'same-site' }],
  ])('%s is refused, whatever it asks, with or without a token', async (_what, headers) => {
    for (const caller of [ann, new Caller(door, undefined)]) {
      for (const path of ['/healthz', ...routes]) {
        const answer = await caller.fetch(path, { headers });
        expect([path, answer.status]).toEqual([path, 403]);
        expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
      expect((await caller.post('/v1/send', hello, headers)).status).toBe(403);
    }
  });

  test('that asks before it sends is told no, by the absence of every CORS header', async () => {
    const asked = await ann.fetch('/v1/send', {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(asked.status).toBe(403);
    expect([...asked.headers.keys()].join(' ')).not.toContain('access-control');
  });

  test.each(['127.999.0.1', 'localhost:99999'])(
    'and a Host that is no address is the caller’s mistake: %s',
    async (host) => {
      const { status, body } = await ann.ask('/healthz', { headers: { host } });
      expect([status, body['code']]).toEqual([400, 'malformed']);
    },
  );

  test('our own origin and other ways to say localhost pass', async () => {
    for (const host of [`localhost:${door.port}`, 'LOCALHOST', '127.0.0.1', '127.8.8.8:1', '[::1]:80'])
      expect([host, (await ann.fetch('/v1', { headers: { host } })).status]).toEqual([host, 200]);
    const origin = `http://127.0.0.1:${door.port}`;
    expect((await ann.fetch('/v1', { headers: { origin } })).status).toBe(200);
  });

  test('a name it is known by is one it was told', async () => {
    const tunnel = await openDoor(machine, ['--allow-host', 'Hooks.Example']);
    const caller = new Caller(tunnel, ann.token);
    expect((await caller.fetch('/v1', { headers: { host: 'hooks.example' } })).status).toBe(200);
    expect((await caller.fetch('/v1', { headers: { host: 'other.example' } })).status).toBe(403);
    await tunnel.stop();
  });
});

describe('what it says', () => {
  test('names no token, no text and nobody’s name (I8)', async () => {
    const own = await openDoor(machine);
    const token = (await machine.ok(['token', 'create', '--agent', 'secretive'])).trim();
    const caller = new Caller(own, token);
    await caller.done('/v1/send', { to: ['someone'], body: 'the password is hunter2' });
    await caller.post('/v1/send', { to: ['someone'], body: 'x'.repeat(70_000) });
    await caller.ask(`/v1/who?access_token=${token}`);
    await caller.ask(`/v1/${token}`);
    await caller.fetch('/v1', { headers: { host: `${token}.example` } });
    await new Caller(own, `${token}x`).ask('/v1');
    expect(await own.stop()).toBe(0);
    const log = own.log();
    expect(log).toContain('refused method=GET status=401 code=credential_refused');
    for (const secret of [token, 'hunter2', 'someone', 'secretive', 'xxx']) expect(log).not.toContain(secret);
    const daemonLog = await readFile(join(machine.home, 'daemon.log'), 'utf8');
    for (const secret of [token, 'hunter2']) expect(daemonLog).not.toContain(secret);
  });
});
