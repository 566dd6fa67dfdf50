/** Live events over HTTP by the compiled binary: nothing lost, nothing doubled, nothing claimed (issue 4). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { Caller, Events, type HttpDoor, openDoor, sockets } from './http-door.ts';
import { eventually, type Machine, openMachine } from './machine.ts';

let machine: Machine;
let door: HttpDoor;
let ann: Caller;
beforeAll(async () => {
  machine = await openMachine();
  door = await openDoor(machine, [], { env: { IPC_HTTP_KEEP_ALIVE_SECONDS: '1' } });
  ann = await Caller.of(machine, door, 'ann');
});
afterAll(() => machine[Symbol.asyncDispose]());

const sendTo = async (name: string, body: string, by = ann): Promise<string> =>
  (await by.done<{ id: string }>('/v1/send', { to: [name], body })).id;
const receipt = async (id: string): Promise<Record<string, unknown>> => {
  const { body } = await ann.ask(`/v1/receipts?id=${id}`);
  return (body as { messages: { receipts: Record<string, unknown>[] }[] }).messages[0]?.receipts[0] ?? {};
};

describe('a stream', () => {
  test('whose reader comes with a cursor of another time, as after a backup was put back, misses nothing', async () => {
    const events = await Events.open(
      await Caller.of(machine, door, 'time-traveller'),
      '',
      '9007199254740991',
    );
    await sendTo('time-traveller', 'today');
    await events.until(() => events.seen.length === 1);
    expect(Number(events.lastId)).toBeLessThan(1e6);
    events.close();
  });

  test('opens at once, is seen by others, and is only ever offered what it shows (I7)', async () => {
    const bob = await Caller.of(machine, door, 'bob');
    const events = await Events.open(bob);
    expect(await machine.ok(['who', 'bob'])).toMatch(/push +sse/);
    const id = await sendTo('bob', 'hello');
    await events.until(() => events.seen.length === 1);
    expect(events.seen).toMatchObject([{ event: 'message', body: 'hello', message: { id } }]);
    await eventually(async () => ((await receipt(id))['state'] === 'offered' ? true : undefined));
    expect(await receipt(id)).toMatchObject({ offeredBy: ['sse'] });
    const deliveries = [{ id, attempt: events.seen[0]?.message.attempt }];
    expect(await bob.done('/v1/confirm', { door: 'sse', deliveries })).toEqual({ confirmed: 1, lost: [] });
    expect(await receipt(id)).toMatchObject({ state: 'handed', door: 'sse' });
    expect(await bob.done('/v1/check')).toMatchObject({ messages: [] });
    events.close();
    await eventually(async () =>
      (await machine.ok(['who', '--all'])).includes('push: sse') ? undefined : true,
    );
  });

  test('that was not confirmed lost nothing: its messages wait in the mailbox', async () => {
    const cat = await Caller.of(machine, door, 'cat');
    const events = await Events.open(cat);
    const id = await sendTo('cat', 'unread');
    await events.until(() => events.seen.length === 1);
    events.close();
    expect(await cat.done('/v1/check')).toMatchObject({ messages: [{ id, offeredBy: ['sse'] }] });
  });

  test('begins with what waits when that is asked for', async () => {
    await sendTo('dan', 'early');
    const dan = await Caller.of(machine, door, 'dan');
    const events = await Events.open(dan, '?unread');
    await events.until(() => events.seen.length === 1);
    await sendTo('dan', 'late');
    await events.until(() => events.seen.length === 2);
    expect(events.bodies()).toEqual(['early', 'late']);
    events.close();
  });

  test('that is quiet says that it lives', async () => {
    const eve = await Caller.of(machine, door, 'eve');
    const events = await Events.open(eve);
    await events.until(() => events.comments.filter((line) => line === ': keep-alive').length >= 2);
    events.close();
  });
});

describe('a reader who comes back with the last id', () => {
  test('goes on there, whatever was restarted meanwhile: every message once, in order (I1, I2)', async () => {
    const fay = await Caller.of(machine, door, 'fay');
    const port = ['--port', String(door.port)];
    const bodies: string[] = [];
    let sent = 0;
    let events = await Events.open(fay);
    const send = async (): Promise<void> => {
      sent += 1;
      await machine.ok(['send', 'fay', `message ${sent}`, '--as', 'ann']);
    };
    const leave = async (): Promise<string> => {
      await events.until(() => events.seen.length + bodies.length === sent);
      bodies.push(...events.bodies());
      events.close();
      return events.lastId;
    };
    // Nothing was shown yet, and still there is a place to go on from.
    let last = await leave();
    await send();
    events = await Events.open(fay, '', last);
    await send();
    last = await leave();

    await send();
    door.child.kill('SIGKILL');
    await door.child.exited;
    await send();
    door = await openDoor(machine, port);
    events = await Events.open(fay, '', last);
    await send();
    last = await leave();

    events = await Events.open(fay, '', last);
    process.kill(await machine.daemonPid(), 'SIGKILL');
    await send();
    await machine.ok(['daemon', 'restart']);
    await send();
    await leave();
    expect(bodies).toEqual(Array.from({ length: 7 }, (_, index) => `message ${index + 1}`));
  });

  test('200 times, cut anywhere, misses nothing and sees nothing twice', async () => {
    const gil = await Caller.of(machine, door, 'gil');
    const bodies: string[] = [];
    let events = await Events.open(gil);
    for (let round = 0; round < 200; round += 1) {
      const sending = sendTo('gil', `${round}`);
      // Cut before, while or after it is shown: what it saw decides where the next goes on.
      if (round % 3 === 0) await events.until(() => events.bodies().includes(`${round}`));
      events.close();
      bodies.push(...events.bodies());
      events = await Events.open(gil, '', events.lastId);
      await sending;
    }
    await events.until(() => events.seen.length + bodies.length >= 200);
    bodies.push(...events.bodies());
    events.close();
    expect(bodies).toEqual(Array.from({ length: 200 }, (_, index) => `${index}`));
  });
});

describe('a token that is revoked', () => {
  test('is refused at once, and its open streams end', async () => {
    const made = await machine.json<{ token: string; id: string }>(['token', 'create', '--agent', 'hal']);
    const hal = new Caller(door, made.token);
    const events = await Events.open(hal);
    expect((await hal.ask('/v1')).status).toBe(200);
    await machine.ok(['token', 'revoke', made.id]);
    expect((await hal.ask('/v1')).status).toBe(401);
    await events.until(() => events.ended, 2_000);
    await sendTo('hal', 'after the revocation');
    expect(events.seen).toEqual([]);
    expect((await hal.fetch('/v1/events')).status).toBe(401);
  });

  test('waits for nothing any more either: a check that waited is given up', async () => {
    const made = await machine.json<{ token: string; id: string }>(['token', 'create', '--agent', 'ida']);
    const waiting = new Caller(door, made.token).post('/v1/check', { wait: 60 });
    await eventually(async () => ((await machine.ok(['who', 'ida'])).includes('http') ? true : undefined));
    await machine.ok(['token', 'revoke', made.id]);
    expect((await waiting).status).toBe(401);
    await sendTo('ida', 'kept');
    const { messages } = await machine.json<{ messages: unknown[] }>(['check', '--as', 'ida']);
    expect(messages).toHaveLength(1);
  });

  test('whose time is over is refused, in the middle of a stream too', async () => {
    const [, token = ''] =
      /(ipc_\S+)/.exec(await machine.ok(['token', 'create', '--agent', 'jay', '--expires-in', '1s'])) ?? [];
    const events = await Events.open(new Caller(door, token));
    await events.until(() => events.ended, 5_000);
    expect((await new Caller(door, token).ask('/v1')).status).toBe(401);
  });
});

describe('a reader who does not read', () => {
  test('costs no memory, is cut off, and holds nobody up', async () => {
    const small = await openDoor(machine, [], {
      env: { IPC_HTTP_KEEP_ALIVE_SECONDS: '1', IPC_HTTP_IDLE_SECONDS: '1' },
    });
    const slow = await Caller.of(machine, small, 'slow');
    const quick = await Caller.of(machine, small, 'quick');
    const watching = await Events.open(quick);
    const socket = await rawGet(small.port, `/v1/events`, slow.token);
    socket.pause();
    const open = await sockets(small.child.pid);
    const before = await residentBytes(small.child.pid);
    const body = 'x'.repeat(60_000);
    for (let round = 0; round < 400; round += 1)
      await ann.done('/v1/send', { to: ['slow'], body: `${round} ${body}` });
    await sendTo('quick', 'still quick');
    await watching.until(() => watching.seen.length === 1);
    expect((await residentBytes(small.child.pid)) - before).toBeLessThan(60 * 1_048_576);
    // Not even the end of its answer is taken: the connection goes, not only the stream.
    await eventually(async () => ((await sockets(small.child.pid)) < open ? true : undefined), 20_000);
    expect(await machine.ok(['who', 'slow', '--all'])).not.toMatch(/push +sse/);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    watching.close();
    expect(await small.stop()).toBe(0);
  }, 60_000);

  test('is one of so many: beyond, the door says that it is busy', async () => {
    const few = await openDoor(machine, [], { env: { IPC_HTTP_STREAMS: '2' } });
    const kay = await Caller.of(machine, few, 'kay');
    const open = [await Events.open(kay), await Events.open(kay)];
    const refused = await kay.ask('/v1/events');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    open[0]?.close();
    await eventually(async () => {
      const response = await kay.fetch('/v1/events', { signal: AbortSignal.timeout(5_000) });
      await response.body?.cancel();
      return response.status === 200 ? true : undefined;
    });
    open[1]?.close();
    await few.stop();
  });
});

async function rawGet(port: number, path: string, token: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  return socket;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
}
