/** What the HTTP door bears, where it listens and how it ends, by the compiled binary (issue 4). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { residentBytes } from '../../scripts/bench/http-door.ts';
import { Caller, Events, type HttpDoor, openDoor, sockets } from './http-door.ts';
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

const hello = { to: ['bob'], body: 'hello' };

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

  test('forty bodies of 25 MB at once: some are told to come again, and memory stays bounded', async () => {
    const own = await openDoor(machine);
    const caller = new Caller(own, ann.token);
    let most = 0;
    const looking = setInterval(() => (most = Math.max(most, residentBytes(own.child.pid))), 20);
    const body = Buffer.alloc(25 * 1_048_576, 'x');
    const post = async (): Promise<Response> => {
      const response = await caller.fetch('/?to=heap', { method: 'POST', body });
      await response.text();
      return response;
    };
    const answers = await Promise.all(Array.from({ length: 40 }, post));
    clearInterval(looking);
    const stored = answers.filter(({ status }) => status === 202).length;
    const later = answers.filter(
      ({ status, headers }) => status === 503 && headers.get('retry-after') === '1',
    );
    expect([stored > 0, later.length > 0, stored + later.length]).toEqual([true, true, 40]);
    // All of them together are 1 GB, and a text is in memory up to three times.
    process.stderr.write(`forty bodies of 25 MB: at most ${Math.round(most / 1_048_576)} MB\n`);
    expect(most).toBeLessThan(1_000 * 1_048_576);
    await own.stop();
  }, 60_000);

  test('an export that nobody takes is cut off', async () => {
    const body = 'x'.repeat(60_000);
    for (let round = 0; round < 150; round += 1)
      await ann.done('/v1/send', { to: ['heap'], body: `${round} ${body}` });
    // A server of its own: the only connection that can go is this one.
    const own = await openDoor(machine, [], { env: { IPC_HTTP_IDLE_SECONDS: '1' } });
    const socket = connect(own.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET /v1/export HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${ann.token}\r\n\r\n`);
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.pause();
    const before = await sockets(own.child.pid);
    await eventually(async () => ((await sockets(own.child.pid)) < before ? true : undefined), 20_000);
    socket.destroy();
    await own.stop();
  }, 30_000);

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

test('who is refused a thousand times fills no disk with it: the log counts', async () => {
  const own = await openDoor(machine);
  for (let round = 0; round < 1_000; round += 1) await fetch(`${own.url}/v1`);
  await eventually(async () => {
    await fetch(`${own.url}/v1`);
    return own.log().includes('unlogged=') ? true : undefined;
  });
  expect(own.log().split('\n').length).toBeLessThan(90);
  await own.stop();
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
