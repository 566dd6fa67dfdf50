/** A GitHub webhook that reaches an agent, on the compiled binary: once, whole, whoever retries. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fromGithub, openSite, push, type Site } from './webhook-site.ts';
import { openDoor } from './http-door.ts';
import { eventually } from './machine.ts';

let site: Site;
let secret: string;
beforeAll(async () => {
  site = await openSite();
  secret = await site.add('github', '--to', 'bob', '--verify', 'github');
});
afterAll(() => site[Symbol.asyncDispose]());

const answerOf = async (response: Response): Promise<{ id: string }> =>
  (await response.json()) as { id: string };
const states = async (id: string): Promise<readonly string[]> => {
  const { messages } = await site.machine.json<{
    messages: { receipts: { state: string; door?: string }[] }[];
  }>(['--as', 'bob', 'receipts', id]);
  return messages.flatMap(({ receipts }) => receipts.map(({ state, door = '-' }) => `${state} ${door}`));
};

test('a push is stored when 202 is answered, handed over by check, and told in words with its whole payload', async () => {
  const response = await site.post('/hooks/github', fromGithub(secret, push()));
  expect(response.status).toBe(202);
  const { id } = await answerOf(response);
  expect(await states(id)).toEqual(['queued -']);
  const [mail] = await site.check('bob');
  expect(mail).toMatchObject({
    id,
    from: { name: 'github', kind: 'webhook', verified: true },
    to: ['bob'],
    data: JSON.parse(push()) as object,
  });
  expect(mail?.body).toBe(
    'acme/app: ann pushed 1 commit to main\n  1a2b3c4 Fix the build (Ann)\nhttps://github.com/acme/app/compare/a...b',
  );
  expect(await states(id)).toEqual(['handed cli']);
});

test('a form that carries the payload is taken as the JSON in it', async () => {
  const body = new URLSearchParams({ payload: push('as a form') }).toString();
  const type = 'application/x-www-form-urlencoded';
  expect((await site.post('/hooks/github', fromGithub(secret, body, { type }))).status).toBe(202);
  const [mail] = await site.check('bob');
  expect(mail).toMatchObject({ data: { commits: [{ message: 'as a form' }] } });
});

describe('a delivery that comes again', () => {
  test('gets the same answer and makes no second message, before and after it was read', async () => {
    const post = fromGithub(secret, push('once'));
    const first = await answerOf(await site.post('/hooks/github', post));
    const again = await site.post('/hooks/github', post);
    expect([again.status, await answerOf(again)]).toEqual([202, first]);
    expect((await site.check('bob')).map(({ id }) => id)).toEqual([first.id]);
    expect(await answerOf(await site.post('/hooks/github', post))).toEqual(first);
    expect(await site.check('bob')).toEqual([]);
  });

  test('fifty times at once is one message', async () => {
    const post = fromGithub(secret, push('fifty'));
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await site.post('/hooks/github', post);
        return `${response.status} ${(await answerOf(response)).id}`;
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(await site.check('bob')).toHaveLength(1);
  });

  test('is answered as the first was although it says something else', async () => {
    const delivery = randomUUID();
    const first = await answerOf(
      await site.post('/hooks/github', fromGithub(secret, push('one'), { delivery })),
    );
    const other = await site.post('/hooks/github', fromGithub(secret, push('two'), { delivery }));
    expect([other.status, await answerOf(other)]).toEqual([202, first]);
    expect((await site.check('bob')).map(({ body }) => body)).toEqual([expect.stringContaining('one')]);
  });

  test('to two servers over one daemon is still one message', async () => {
    const other = await openDoor(site.machine);
    const post = fromGithub(secret, push('two servers'));
    const here = await answerOf(await site.post('/hooks/github', post));
    const there = await answerOf(await fetch(`${other.url}/hooks/github`, { method: 'POST', ...post }));
    expect(there).toEqual(here);
    expect(await site.check('bob')).toHaveLength(1);
    await other.stop();
  });

  test('after the daemon was killed is known all the same', async () => {
    const post = fromGithub(secret, push('before the crash'));
    const first = await answerOf(await site.post('/hooks/github', post));
    process.kill(await site.machine.daemonPid(), 'SIGKILL');
    expect(await answerOf(await site.post('/hooks/github', post))).toEqual(first);
    expect(await site.check('bob')).toHaveLength(1);
  });
});

describe('size and shape', () => {
  const large = (size: number): string => {
    const payload = JSON.parse(push('large')) as Record<string, unknown>;
    return JSON.stringify({ ...payload, filler: 'x'.repeat(size) });
  };
  const digest = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  test('a payload of 10 MB arrives whole, as a file, with the same words', async () => {
    const body = large(10_000_000);
    expect((await site.post('/hooks/github', fromGithub(secret, body))).status).toBe(202);
    const [mail] = await site.check('bob');
    const [file] = mail?.attachments ?? [];
    expect([mail?.data, mail?.body.split('\n')[0], file?.name, file?.size]).toEqual([
      undefined,
      'acme/app: ann pushed 1 commit to main',
      'payload.json',
      body.length,
    ]);
    expect(digest(await readFile(file?.path ?? ''))).toBe(digest(body));
  });

  test('in chunks, without a length, it is the same', async () => {
    const body = Buffer.from(large(300_000));
    const post = fromGithub(secret, body);
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (let start = 0; start < body.length; start += 70_000) yield body.subarray(start, start + 70_000);
    };
    expect((await site.post('/hooks/github', { ...post, body: chunks() as never })).status).toBe(202);
    const [mail] = await site.check('bob');
    expect(digest(await readFile(mail?.attachments?.[0]?.path ?? ''))).toBe(digest(body));
  });

  test('what GitHub would never send is refused with 413, said or unsaid', async () => {
    const body = Buffer.alloc(25 * 1_048_576 + 1, 'x');
    expect((await site.post('/hooks/github', fromGithub(secret, body))).status).toBe(413);
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (let sent = 0; sent < body.length; sent += 1_048_576) yield body.subarray(sent, sent + 1_048_576);
    };
    const post = { ...fromGithub(secret, body), body: chunks() as never };
    // The runtime may hang up on a body that goes on after the answer.
    const status = await site.post('/hooks/github', post).then(
      (response) => response.status,
      () => 413,
    );
    expect(status).toBe(413);
    expect(await site.check('bob')).toEqual([]);
  });

  test('a payload nested deeper than the wire takes goes along as a file; one beyond any sense is refused', async () => {
    const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect((await site.post('/hooks/github', fromGithub(secret, nested(500)))).status).toBe(202);
    const [mail] = await site.check('bob');
    expect(await readFile(mail?.attachments?.[0]?.path ?? '', 'utf8')).toBe(nested(500));
    const absurd = await site.post('/hooks/github', fromGithub(secret, nested(2_000_000)));
    expect([202, 400]).toContain(absurd.status);
    expect((await fetch(`${site.url}/healthz`)).status).toBe(200);
    await site.check('bob');
  });

  test('a number that JavaScript cannot hold is not changed on the way: the bytes go along', async () => {
    const body = '{"id":12345678901234567890,"repository":{"full_name":"a/b"}}';
    await site.post('/hooks/github', fromGithub(secret, body));
    const [mail] = await site.check('bob');
    expect(await readFile(mail?.attachments?.[0]?.path ?? '', 'utf8')).toBe(body);
  });

  test.each([
    ['nothing', '', 400],
    ['no JSON', '{"a":', 400],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 400],
  ])('a body of %s, though signed, is answered with %3$i', async (_what, body, status) => {
    expect((await site.post('/hooks/github', fromGithub(secret, body))).status).toBe(status);
  });

  test.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/cloudevents-batch+json',
  ])('the type %s is answered with 415', async (type) => {
    expect((await site.post('/hooks/github', fromGithub(secret, push(), { type }))).status).toBe(415);
  });

  test('a compressed body is answered with 415: what was signed is what is looked at', async () => {
    const post = fromGithub(secret, push());
    const headers = { ...(post.headers as Record<string, string>), 'content-encoding': 'gzip' };
    expect((await site.post('/hooks/github', { ...post, headers })).status).toBe(415);
  });
});

describe('when it cannot be stored', () => {
  test('a full mailbox is 503 with a time to come again, and the retry is taken once there is room', async () => {
    await site.machine.ok(['config', 'set', 'quotas.mailbox', '2']);
    const posts = ['a', 'b', 'c'].map((text) => fromGithub(secret, push(text)));
    const answers: Response[] = [];
    for (const post of posts) answers.push(await site.post('/hooks/github', post));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 503]);
    expect(answers[2]?.headers.get('retry-after')).toBe('60');
    expect(await site.check('bob')).toHaveLength(2);
    expect((await site.post('/hooks/github', posts[2] ?? {})).status).toBe(202);
    expect(await site.check('bob')).toHaveLength(1);
    await site.machine.ok(['config', 'set', 'quotas.mailbox', '--reset']);
  });

  test('a daemon that does not answer is 503 before GitHub gives up, and what it stored is not doubled', async () => {
    const pid = await site.machine.daemonPid();
    const post = fromGithub(secret, push('silence'));
    process.kill(pid, 'SIGSTOP');
    const begun = performance.now();
    const response = await site.post('/hooks/github', post);
    expect(performance.now() - begun).toBeLessThan(9_900);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    process.kill(pid, 'SIGCONT');
    expect((await site.post('/hooks/github', post)).status).toBe(202);
    expect(await site.check('bob')).toHaveLength(1);
  }, 30_000);

  test('a daemon that cannot start is 503, and the retry is taken when it can', async () => {
    const post = fromGithub(secret, push('no daemon'));
    await site.machine.ok(['daemon', 'stop']);
    await Bun.write(`${site.machine.home}/config.json`, '{"idleExit": "soon"}');
    const response = await site.post('/hooks/github', post);
    expect([response.status, Number(response.headers.get('retry-after')) > 0]).toEqual([503, true]);
    await Bun.write(`${site.machine.home}/config.json`, '{}');
    await eventually(async () =>
      (await site.post('/hooks/github', post)).status === 202 ? true : undefined,
    );
    expect(await site.check('bob')).toHaveLength(1);
  }, 30_000);
});
