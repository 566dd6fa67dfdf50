/** `POST /`: whatever curl sends, with a token, is a message (system 003's channel.ts, and its I12), on the binary. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { openSite, type Site } from './webhook-site.ts';

let site: Site;
let token: string;
beforeAll(async () => {
  site = await openSite();
  token = (await site.machine.ok(['token', 'show'])).trim();
  await site.machine.ok(['config', 'set', 'http.defaultTo', 'bob']);
});
afterAll(() => site[Symbol.asyncDispose]());

const post = (body: string | Uint8Array | FormData, headers: Record<string, string> = {}, path = '/') =>
  site.post(path, { body: body as string, headers: { authorization: `Bearer ${token}`, ...headers } });
const only = async (agent: string) => {
  const mails = await site.check(agent);
  expect(mails).toHaveLength(1);
  return mails[0];
};

describe('the one-liner', () => {
  test('goes to the person when nobody else is said', async () => {
    await site.machine.ok(['config', 'set', 'http.defaultTo', '--reset']);
    const response = await post('deploy finished');
    await site.machine.ok(['config', 'set', 'http.defaultTo', 'bob']);
    expect([response.status, await response.json()]).toEqual([
      202,
      { id: expect.any(String) as string, to: ['tester'] },
    ]);
    expect(await only('tester')).toMatchObject({
      body: 'deploy finished',
      from: { name: 'tester', kind: 'script' },
    });
  });

  test('goes to whom http.defaultTo says, at once, or to whom the address says', async () => {
    await post('by setting');
    await post('by address', {}, '/?to=carol&to=%23nobody');
    expect((await only('bob'))?.body).toBe('by setting');
    expect((await only('carol'))?.body).toBe('by address');
    expect((await site.machine.run(['config', 'set', 'http.defaultTo', '@all'])).code).toBe(65);
  });

  test.skipIf(Bun.which('curl') === null)('as the README has it, by curl itself', async () => {
    const line = `curl -sS -H "Authorization: Bearer $(cat)" -d "deploy finished & more" ${site.url}`;
    const curl = Bun.spawn(['sh', '-c', line], { stdin: Buffer.from(token), stdout: 'pipe', stderr: 'pipe' });
    expect(JSON.parse(await curl.stdout.text())).toMatchObject({ to: ['bob'] });
    expect((await only('bob'))?.body).toBe('deploy finished & more');
  });
});

describe('any body', () => {
  test.each([
    ['no type at all', undefined],
    ['a form', 'application/x-www-form-urlencoded'],
    ['text', 'text/plain; charset=utf-8'],
    ['JSON', 'application/json'],
    ['something unheard of', 'application/x-unheard-of'],
  ])('said to be %s is the text it is', async (_what, type) => {
    const text = '{"status":"ok 🎉"}';
    expect((await post(Buffer.from(text), type === undefined ? {} : { 'content-type': type })).status).toBe(
      202,
    );
    expect(await only('bob')).toMatchObject({ body: text });
  });

  test('that is no text is attached', async () => {
    const bytes = new Uint8Array([137, 80, 78, 71, 0, 255]);
    expect((await post(bytes, { 'content-type': 'image/png' })).status).toBe(202);
    const mail = await only('bob');
    expect(mail?.body).toBe('attached: body');
    expect(new Uint8Array(await readFile(mail?.attachments?.[0]?.path ?? ''))).toEqual(bytes);
  });

  test('of 10 MB goes by reference', async () => {
    const text = 'line of a log\n'.repeat(800_000);
    expect((await post(text)).status).toBe(202);
    const mail = await only('bob');
    expect(mail?.bodyBlob?.size).toBe(text.length);
    expect(await readFile(mail?.bodyBlob?.path ?? '', 'utf8')).toBe(text);
  });

  test('of fields and files (curl -F) is their text, and the files attached', async () => {
    const form = new FormData();
    form.set('text', 'see the log');
    form.set('log', new File(['boom'], 'build.log', { type: 'text/plain' }));
    expect((await post(form)).status).toBe(202);
    const mail = await only('bob');
    expect([mail?.body, mail?.attachments?.map(({ name }) => name)]).toEqual(['see the log', ['build.log']]);
  });

  test('that is empty, or a form that is none, is refused', async () => {
    expect((await post('')).status).toBe(400);
    expect((await post('no form', { 'content-type': 'multipart/form-data; boundary=x' })).status).toBe(400);
  });
});

describe('without harm', () => {
  test('an Idempotency-Key sends once; the same key with another text is a conflict', async () => {
    const headers = { 'idempotency-key': '"deploy-7"' };
    const [first, again] = [await post('once', headers), await post('once', headers)];
    expect(await first.json()).toEqual(await again.json());
    const other = await post('twice', headers);
    expect([other.status, await other.json()]).toMatchObject([409, { code: 'conflict' }]);
    expect((await only('bob'))?.body).toBe('once');
  });

  test('no token, or one that may not send, sends nothing (I12)', async () => {
    const reading = (await site.machine.ok(['token', 'create', '--agent', 'eve', '--scope', 'read'])).trim();
    for (const [authorization, status] of [
      ['', 401],
      ['Bearer wrong', 401],
      [`Bearer ${reading}`, 403],
    ] as const)
      expect((await post('x', { authorization })).status).toBe(status);
    expect((await fetch(site.url)).status).toBe(405);
    expect(await site.check('bob')).toEqual([]);
  });

  test('names nobody can have are told as such', async () => {
    expect((await post('x', {}, '/?to=b%20b')).status).toBe(400);
  });
});
