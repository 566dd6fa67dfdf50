/** REST by the compiled binary: every row of the table that says so, with real requests (issue 4). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { operations, type OperationName } from '../../src/protocol/operations.ts';
import { Caller, Events, type HttpDoor, openDoor } from './http-door.ts';
import { type Machine, openMachine } from './machine.ts';

interface Sent {
  readonly id: string;
  readonly duplicate: boolean;
}
interface Checked {
  readonly messages: { id: string; body: string; attempt: number; again: boolean; from: unknown }[];
}

interface Described {
  readonly operationId: string;
  readonly requestBody?: { content: { 'application/json': { schema: { properties: object } } } };
}

let machine: Machine;
let door: HttpDoor;
let ann: Caller;
let bob: Caller;
beforeAll(async () => {
  machine = await openMachine();
  door = await openDoor(machine);
  ann = await Caller.of(machine, door, 'ann', 'send,check,read,manage');
  bob = await Caller.of(machine, door, 'bob');
});
afterAll(async () => {
  expect(await door.stop()).toBe(0);
  await machine[Symbol.asyncDispose]();
});

const sendTo = async (name: string, body: string): Promise<string> =>
  (await ann.done<Sent>('/v1/send', { to: [name], body })).id;

describe('every operation of surface http is answered', () => {
  /** What each is asked, by somebody who may. A row that is new has to be added here. */
  const questions: Readonly<Partial<Record<OperationName, () => Promise<unknown>>>> = {
    ack: async () => {
      const id = await sendTo('ann', 'to myself');
      return ann.done('/v1/ack', { ids: [id] });
    },
    ask: () => ann.done('/v1/ask', { to: ['bob'], body: 'are you there?', timeout: 0 }),
    cancel: async () => ann.done('/v1/cancel', { id: await sendTo('later', 'not yet') }),
    check: () => ann.done('/v1/check', {}),
    clear: () => ann.done('/v1/clear', {}),
    confirm: () => ann.done('/v1/confirm', { deliveries: [] }),
    'daemon.status': () => ann.done('/v1/daemon.status'),
    describe: () => ann.done('/v1/describe', { about: 'testing' }),
    export: async () => {
      await sendTo('bob', 'one for the archive');
      const lines = (await (await ann.fetch('/v1/export')).text()).trim().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as { body: string }).body)).toContain(
        'one for the archive',
      );
      return lines;
    },
    history: () => ann.done('/v1/history', { limit: 1 }),
    mute: () => ann.done('/v1/mute', { name: 'bob', off: true }),
    pause: () => ann.done('/v1/pause', { off: true }),
    receipts: () => ann.done('/v1/receipts'),
    rename: async () => {
      const kim = await Caller.of(machine, door, 'kim', 'manage,read');
      return kim.done('/v1/rename', { name: 'kim-the-second' });
    },
    reply: async () => {
      const message = await sendTo('bob', 'question');
      await bob.done('/v1/check');
      return bob.done('/v1/reply', { message, body: 'answer' });
    },
    search: () => ann.done('/v1/search', { query: 'archive' }),
    send: () => ann.done('/v1/send', { to: ['bob'], body: 'hello' }),
    'topic.join': () => ann.done('/v1/topic.join', { topic: 'news' }),
    'topic.leave': () => ann.done('/v1/topic.leave', { topic: 'news' }),
    'topic.list': () => ann.done('/v1/topic.list'),
    watch: async () => {
      const events = await Events.open(ann);
      events.close();
      return events;
    },
    who: () => ann.done('/v1/who'),
    whoami: () => ann.done('/v1/whoami'),
  };
  const onHttp = Object.entries(operations).filter(([, row]) => row.surfaces.includes('http'));

  // Those that the host of a kernel answers: kernel-http.test.ts.
  const brokers = onHttp.filter(([, row]) => row.home !== 'provider');

  test.each(brokers.map(([name]) => name as OperationName))('%s', async (name) => {
    const question = questions[name];
    if (question === undefined) throw new Error(`no test asks ${name} over HTTP`);
    expect(await question()).toBeObject();
  });

  test('and those that change nothing also by GET, which the index tells', async () => {
    const { body } = await ann.ask('/v1');
    const { operations: rows } = body as {
      operations: { operation: string; methods: string[]; path: string }[];
    };
    expect(rows.map(({ operation }) => operation)).toEqual(onHttp.map(([name]) => name));
    const looking = rows.filter(({ methods, path }) => methods.includes('GET') && path !== '/v1/events');
    for (const { operation, path } of looking) {
      const query = operation === 'search' ? '?query=archive&limit=1' : '';
      expect([operation, (await ann.fetch(path + query)).status]).toEqual([operation, 200]);
    }
    for (const { methods, path } of rows.filter((row) => !row.methods.includes('GET'))) {
      const refused = await ann.fetch(path);
      expect([path, refused.status, refused.headers.get('allow')]).toEqual([path, 405, methods.join(', ')]);
    }
  });

  test('and none of the others', async () => {
    const others = Object.entries(operations).filter(([, row]) => !row.surfaces.includes('http'));
    for (const [name] of others)
      expect([name, (await ann.post(`/v1/${name}`, {})).status]).toEqual([name, 404]);
  });

  test('OpenAPI names each of them, with the fields a caller may fill', async () => {
    const { body } = await ann.ask('/v1/openapi.json');
    const { paths } = body as { paths: Record<string, Record<string, Described>> };
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map((each) => each.operationId),
    );
    for (const [name] of onHttp) expect(ids).toContain(name);
    const schema = paths['/v1/check']?.['post']?.requestBody?.content['application/json'].schema;
    expect(Object.keys(schema?.properties ?? {})).toContain('wait');
    expect(Object.keys(schema?.properties ?? {})).not.toContain('door');
  });
});

describe('two programs', () => {
  test('talk: send, check, confirm, reply; the receipt says how far it came', async () => {
    const id = await sendTo('bob', 'tests are green');
    const { messages } = await bob.done<Checked>('/v1/check');
    expect(messages.at(-1)).toMatchObject({ id, body: 'tests are green', again: false });
    const state = async (): Promise<unknown> => {
      const { body } = await ann.ask(`/v1/receipts?id=${id}`);
      const [message] = (body as { messages: { receipts: { state: string; door?: string }[] }[] }).messages;
      return [message?.receipts[0]?.state, message?.receipts[0]?.door];
    };
    // I7: what was written to a client that may have gone is not called delivered.
    expect(await state()).toEqual(['queued', undefined]);
    const deliveries = messages.map(({ id: each, attempt }) => ({ id: each, attempt }));
    expect(await bob.done('/v1/confirm', { deliveries })).toEqual({ confirmed: deliveries.length, lost: [] });
    expect(await state()).toEqual(['handed', 'http']);
    await bob.done('/v1/reply', { message: id, body: 'then I deploy' });
    expect(await state()).toEqual(['acked', 'http']);
    expect((await ann.done<Checked>('/v1/check')).messages.map(({ body }) => body)).toContain(
      'then I deploy',
    );
  });

  test('an answer that was lost is asked for again by the same token, and by no other reader', async () => {
    const eve = await Caller.of(machine, door, 'eve');
    await sendTo('eve', 'once');
    const first = await eve.done<Checked>('/v1/check');
    expect((await eve.done<Checked>('/v1/check', { reader: 'another-reader' })).messages).toEqual([]);
    expect((await eve.done<Checked>('/v1/check')).messages).toEqual(first.messages);
  });

  test('a check waits for the message to come', async () => {
    const sam = await Caller.of(machine, door, 'sam');
    const waiting = sam.done<Checked>('/v1/check', { wait: 30 });
    await sendTo('sam', 'here it is');
    expect((await waiting).messages.map(({ body }) => body)).toEqual(['here it is']);
  });

  test('nobody is another than the token says, whatever the body says (I5)', async () => {
    const { status, body } = await bob.post('/v1/send', { to: ['ann'], body: 'x', from: 'ann' });
    expect([status, body['code']]).toEqual([400, 'invalid']);
    await bob.done('/v1/send', { to: ['zoe'], body: 'by bob' });
    const zoe = await Caller.of(machine, door, 'zoe');
    expect((await zoe.done<Checked>('/v1/check')).messages[0]?.from).toMatchObject({
      name: 'bob',
      kind: 'script',
    });
  });

  test('a renamed agent keeps its token, its mail, its key and its auto-checking (I2)', async () => {
    const max = await Caller.of(machine, door, 'max', 'send,check,read,manage');
    await machine.ok(['autocheck', 'start', '60', '--as', 'max']);
    await sendTo('max', 'before');
    expect(await max.done('/v1/rename', { name: 'maxine' })).toMatchObject({ from: 'max', to: 'maxine' });
    await sendTo('maxine', 'after');
    expect((await max.ask('/v1/whoami')).body['you']).toMatchObject({ name: 'maxine' });
    expect((await max.done<Checked>('/v1/check')).messages.map(({ body }) => body)).toEqual([
      'before',
      'after',
    ]);
    expect(await machine.ok(['token', 'list'])).toContain('maxine');
    expect(await readFile(`${machine.home}/keys/maxine`, 'utf8')).toBe(
      await readFile(`${machine.home}/keys/max`, 'utf8'),
    );
    const checking = await machine.json(['autocheck', 'status', '--as', 'maxine']);
    expect(checking).toMatchObject({ mode: 'every', minutes: 60 });
    await machine.ok(['rename', 'maximilian', '--as', 'maxine']);
    expect((await max.ask('/v1/whoami')).body['you']).toMatchObject({ name: 'maximilian' });
  });
});

describe('bytes too many for JSON', () => {
  test('go up, along with a message, and down again for those it concerns, in ranges too', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = Buffer.concat(Array.from({ length: 32 }, () => bytes));
    const { status, body: staged } = await ann.ask('/v1/files', { method: 'POST', body: whole });
    expect([status, staged['size']]).toEqual([201, whole.length]);
    const attachments = [{ ...staged, name: 'noise.bin' }];
    const { id } = await ann.done<Sent>('/v1/send', { to: ['bob'], body: 'see the file', attachments });
    const path = `/v1/files/${id}/${String(staged['sha256'])}`;
    const down = await bob.fetch(path);
    expect(Buffer.from(await down.arrayBuffer()).equals(whole)).toBe(true);
    expect(down.headers.get('content-disposition')).toContain('noise.bin');
    const part = await bob.fetch(path, { headers: { range: 'bytes=10-19' } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, whole.subarray(10, 20)]);
    // Who was not sent it learns nothing, with the hash in hand.
    const eve = await Caller.of(machine, door, 'eve');
    expect((await eve.ask(path)).status).toBe(404);
    const { id: other } = await eve.done<Sent>('/v1/send', { to: ['bob'], body: 'mine' });
    expect((await eve.ask(`/v1/files/${other}/${String(staged['sha256'])}`)).status).toBe(404);
    expect((await eve.ask('/v1/files/../../token')).status).toBe(404);
  });

  test('are refused beyond 25 MiB', async () => {
    const { status, body } = await ann.ask('/v1/files', {
      method: 'POST',
      body: new Uint8Array(25 * 1_048_576 + 1),
    });
    expect([status, body['code']]).toEqual([413, 'too_large']);
  });
});

describe('sending twice', () => {
  test('with one Idempotency-Key is sending once, with the same id for an answer', async () => {
    const key = { 'idempotency-key': '"build-17"' };
    const first = await ann.post('/v1/send', { to: ['dan'], body: 'built' }, key);
    const again = await ann.post('/v1/send', { to: ['dan'], body: 'built' }, key);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toMatchObject({ id: first.body['id'], duplicate: true });
    const other = await ann.post('/v1/send', { to: ['dan'], body: 'failed' }, key);
    expect([other.status, other.body['code']]).toEqual([409, 'conflict']);
    const dan = await Caller.of(machine, door, 'dan');
    expect((await dan.done<Checked>('/v1/check')).messages.map(({ body }) => body)).toEqual(['built']);
    // The key is the sender's own: another's is another message.
    expect((await bob.post('/v1/send', { to: ['dan'], body: 'built' }, key)).body).toMatchObject({
      duplicate: false,
    });
  });

  test('with a key and an id is refused, for nobody knows which was meant', async () => {
    const input = { to: ['dan'], body: 'x', id: Bun.randomUUIDv7() };
    expect((await ann.post('/v1/send', input, { 'idempotency-key': 'k' })).status).toBe(400);
  });
});

describe('what is wrong is said as a problem', () => {
  const problem = async (
    caller: Caller,
    path: string,
    init: RequestInit & { headers?: Record<string, string> },
  ) => {
    const { status, headers, body } = await caller.ask(path, init);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toMatchObject({ status, code: expect.any(String), hint: expect.any(String) });
    return [status, body['code']];
  };
  const json = { 'content-type': 'application/json' };

  test.each([
    ['a field it does not have', { bodi: 'x', to: ['bob'] }, 400, 'invalid'],
    ['a field of another shape', { body: 1, to: ['bob'] }, 400, 'invalid'],
    ['a name nobody can have', { body: 'x', to: ['../x'] }, 400, 'invalid_name'],
    ['I4: markup as a name', { body: 'x', to: ['x" evil="1'] }, 400, 'invalid_name'],
    ['I4: no name', { body: 'x', to: [''] }, 400, 'invalid'],
    ['a list', [], 400, 'invalid'],
    ['a body over 64 KiB', { body: 'x'.repeat(65_537), to: ['bob'] }, 413, 'too_large'],
  ] as const)('%s', async (_what, input, status, code) => {
    expect(
      await problem(ann, '/v1/send', { method: 'POST', headers: json, body: JSON.stringify(input) }),
    ).toEqual([status, code]);
  });

  test.each([
    ['no JSON', '{"to":', 400, 'malformed'],
    ['a number that would change', '{"to":["bob"],"body":"x","data":1e400}', 422, 'invalid_data'],
    ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 400, 'malformed'],
    ['more than 1 MiB', 'x'.repeat(1_048_577), 413, 'too_large'],
  ] as const)('%s', async (_what, body, status, code) => {
    expect(await problem(ann, '/v1/send', { method: 'POST', headers: json, body })).toEqual([status, code]);
  });

  test('a content type that a web page may send without asking', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect(
        await problem(ann, '/v1/send', { method: 'POST', headers: { 'content-type': type }, body: '{}' }),
      ).toEqual([415, 'invalid']);
  });

  test('a message there is none of, and a route there is none of', async () => {
    const id = Bun.randomUUIDv7();
    expect(await problem(ann, `/v1/receipts?id=${id}`, {})).toEqual([404, 'no_such_message']);
    expect(await problem(ann, '/v2/send', {})).toEqual([404, 'unknown_operation']);
    expect(await problem(ann, '/v1/events?after=never', {})).toEqual([400, 'invalid']);
    expect(await problem(ann, '/v1/events?everyone', {})).toEqual([403, 'not_allowed']);
  });

  test('a door that is not HTTP’s cannot be claimed', async () => {
    const { status } = await bob.post('/v1/confirm', { door: 'tool', deliveries: [] });
    expect(status).toBe(400);
  });
});
