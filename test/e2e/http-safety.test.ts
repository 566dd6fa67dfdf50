/** Who the HTTP door keeps out, and what it bears, by the compiled binary (issue 4; defects of system 003). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Caller, Events, type HttpDoor, openDoor } from './http-door.ts';
import { eventually, type Machine, openMachine } from './machine.ts';

let machine: Machine;
let door: HttpDoor;
let ann: Caller;
beforeAll(async () => {
  machine = await openMachine();
  // Quick to lose patience, so that the tests need none.
  door = await openDoor(machine, [], { env: { IPC_HTTP_IDLE_SECONDS: '2' } });
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
    expect((await eve.ask('/v1')).status).toBe(422);
    await own.stop();
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
    [['token', 'create', '--agent', 'x', '--scope', 'everything'], 64, 'check, manage, read, send'],
    [['token', 'create', '--agent', 'all'], 64, 'reserved'],
    [['token', 'revoke', 'nonesuch'], 66, 'nonesuch'],
  ])('is refused: %j', async (args, code, said) => {
    const found = await machine.run(args);
    expect([found.code, found.stderr]).toEqual([code, expect.stringContaining(said)]);
  });

  test('of an agent that is here itself only looks at its mail, unless it is told to take it', async () => {
    const live = machine.start(['watch', '--as', 'live']);
    const caller = await Caller.of(machine, door, 'live');
    await ann.done('/v1/send', { to: ['live'], body: 'for the session' });
    expect(await caller.done('/v1/check')).toMatchObject({ messages: [{ body: 'for the session' }] });
    live.kill();
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

/** Writes bytes as they are; resolves with all that came back once the other side has closed. */
function raw(port: number, parts: readonly string[], every = 0): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const left = [...parts];
    const socket = connect(port, '127.0.0.1', () => write());
    const write = (): void => {
      const part = left.shift();
      if (part === undefined || socket.destroyed) return;
      socket.write(part);
      if (every === 0) write();
      else setTimer(write, every);
    };
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

/** A slow writer is what is tested: there is no event to wait for. */
function setTimer(run: () => void, milliseconds: number): void {
  const timer = setInterval(() => {
    clearInterval(timer);
    run();
  }, milliseconds);
}

describe('what is too much', () => {
  test.each([
    [
      'a header of 64 KiB',
      [`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(65_536)}\r\n\r\n`],
      '431',
    ],
    [
      'a body that says it is 1 GiB',
      ['POST /v1/send HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1073741824\r\n\r\n'],
      '413',
    ],
    ['no Host', ['GET /healthz HTTP/1.0\r\n\r\n'], '403'],
    ['no HTTP', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'], '400'],
  ])('%s is refused', async (_what, parts, status) => {
    expect((await raw(door.port, parts)).slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  });

  test('a body that comes in pieces and does not end is cut at the limit', async () => {
    const head = `POST /v1/send HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${ann.token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const answer = await raw(door.port, [head, ...Array.from({ length: 40 }, () => piece)]);
    expect(answer).toContain('413');
    expect(answer).toContain('too_large');
  });

  test('headers spelled out letter by letter, a body that stops, a connection that says nothing: all are closed', async () => {
    const head = `POST /v1/send HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${ann.token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n`;
    const drips = Array.from({ length: 60 }, () => 'x');
    const [header, body, stopped, silent] = await Promise.all([
      raw(door.port, ['GET /healthz HTTP/1.1\r\nx-a: ', ...drips], 500),
      raw(door.port, [head, ...drips], 500),
      raw(door.port, [head, '{"to":']),
      raw(door.port, []),
    ]);
    expect([header, silent]).toEqual(['', '']);
    for (const answer of [body, stopped]) expect(answer).not.toContain('200 OK');
    expect((await ann.ask('/v1')).status).toBe(200);
  }, 40_000);

  test('requests over the rate get 429 and the time to wait; a guest’s guesses do not lock out who has a token', async () => {
    const strict = await openDoor(machine, [], {
      env: { IPC_HTTP_TOKEN_PER_MINUTE: '60', IPC_HTTP_ADDRESS_PER_MINUTE: '60' },
    });
    const guest = new Caller(strict, 'ipc_wrong');
    const guesses: number[] = [];
    for (let round = 0; round < 25; round += 1) guesses.push((await guest.ask('/v1')).status);
    expect(guesses).toEqual([
      ...Array.from({ length: 20 }, () => 401),
      ...Array.from({ length: 5 }, () => 429),
    ]);
    const caller = new Caller(strict, ann.token);
    const answers: number[] = [];
    for (let round = 0; round < 21; round += 1) answers.push((await caller.ask('/v1')).status);
    expect(answers).toEqual([...Array.from({ length: 20 }, () => 200), 429]);
    const refused = await caller.ask('/v1');
    expect(refused.body).toMatchObject({ status: 429, code: 'rate_limited', retry: true });
    expect(Number(refused.headers.get('retry-after'))).toBe(1);
    expect((await new Caller(strict, (await machine.ok(['token', 'show'])).trim()).ask('/v1')).status).toBe(
      200,
    );
    await strict.stop();
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

describe('where it listens', () => {
  test('several at once, over one daemon, with one set of tokens', async () => {
    const second = await openDoor(machine);
    const events = await Events.open(new Caller(second, ann.token));
    await ann.done('/v1/send', { to: ['ann'], body: 'through the other' });
    await events.until(() => events.seen.length === 1);
    expect(events.bodies()).toEqual(['through the other']);
    events.close();
    expect(await second.stop()).toBe(0);
  });

  test('a port that is taken is said in one line, and what to do (I12)', async () => {
    const { code, stderr } = await machine.run(['serve', '--port', String(door.port)]);
    expect(code).toBe(73);
    expect(stderr).toContain(`port ${door.port}; another program listens there`);
    expect(stderr).toContain('ipc serve --port');
    expect((await ann.ask('/v1')).status).toBe(200);
  });

  test('PORT is where, unless --port says otherwise; what is no port is refused', async () => {
    const free = await openDoor(machine);
    await free.stop();
    const child = machine.start(['serve', '--json'], { env: { PORT: String(free.port) } });
    const url = `http://127.0.0.1:${free.port}`;
    await eventually(
      async () =>
        (await fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => undefined,
        )) || undefined,
    );
    const other = await openDoor(machine, [], { env: { PORT: String(free.port) } });
    expect(other.port).not.toBe(free.port);
    await other.stop();
    child.kill('SIGTERM');
    expect(await child.exited).toBe(0);
    for (const port of ['http', '70000', '-1', '1e3']) {
      const { code, stderr } = await machine.run(['serve'], { env: { PORT: port } });
      expect([port, code, stderr]).toEqual([port, 64, expect.stringContaining('PORT')]);
    }
  });

  test('only this machine, unless that is said; and then only with tokens', async () => {
    const bare = await openMachine();
    await using _bare = bare;
    const refused = await bare.run(['serve', '--host', '0.0.0.0', '--port', '0']);
    expect([refused.code, refused.stderr]).toEqual([77, expect.stringContaining('--allow-remote')]);
    const open = ['--host', '0.0.0.0', '--allow-remote'];
    const tokenless = await bare.run(['serve', '--port', '0', ...open]);
    expect([tokenless.code, tokenless.stderr]).toEqual([77, expect.stringContaining('ipc token create')]);
    await bare.ok(['token', 'create', '--agent', 'far']);
    const remote = await openDoor(bare, open);
    const caller = await Caller.of(bare, { ...remote, url: `http://127.0.0.1:${remote.port}` }, 'far');
    expect((await caller.fetch('/v1', { headers: { host: '10.1.2.3:80' } })).status).toBe(200);
    expect((await caller.fetch('/v1', { headers: { host: 'evil.example' } })).status).toBe(403);
    await remote.stop();
    expect(remote.log()).toContain('put TLS in front');
  });
});

describe('when it ends', () => {
  test('what is under way is answered, streams end, and it leaves with 0', async () => {
    const own = await openDoor(machine);
    const caller = await Caller.of(machine, own, 'drained');
    const events = await Events.open(caller);
    const waiting = caller.post('/v1/check', { wait: 60 });
    await eventually(async () =>
      /push +.*http/.test(await machine.ok(['who', 'drained'])) ? true : undefined,
    );
    const sending = Array.from({ length: 50 }, (_, number) =>
      caller.post('/v1/send', { to: ['later'], body: `message ${number}` }),
    );
    await sending[0];
    const begun = performance.now();
    expect(await own.stop()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(5_000);
    const answers = await Promise.allSettled(sending);
    const stored = answers.filter((each) => each.status === 'fulfilled' && each.value.status === 200).length;
    const refused = answers.filter((each) => each.status === 'rejected' || each.value.status === 503).length;
    expect(stored + refused).toBe(50);
    expect((await waiting).status).toBe(503);
    await events.until(() => events.ended);
    // Every answer was true: what was said to be stored is, and only that.
    const { messages } = await machine.json<{ messages: unknown[] }>(['check', '--as', 'later', '--all']);
    expect(messages).toHaveLength(stored);
  });

  test('and when the daemon ends under it, the next request finds it again', async () => {
    process.kill(await machine.daemonPid(), 'SIGKILL');
    expect((await ann.post('/v1/send', hello)).status).toBe(200);
  });
});
