/** What a post may be made of, what a webhook cannot be, and how it is shown to a person. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromGithub, json, openSite, type Mail, type Site } from './webhook-site.ts';

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

async function bearer(...flags: string[]): Promise<(init: RequestInit) => Promise<number>> {
  const token = await site.add('hook', '--to', 'bob', '--verify', 'bearer', ...flags);
  return async (init) => {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` };
    return (await site.post('/hooks/hook', { ...init, headers })).status;
  };
}

async function mail(): Promise<Mail> {
  const [message] = await site.check('bob');
  if (message === undefined) throw new Error('no mail for bob');
  return message;
}

const attached = async ({ attachments }: Mail): Promise<string> =>
  await readFile(attachments?.[0]?.path ?? '', 'utf8');

describe('a post', () => {
  test('of a form is its fields; one that comes twice has both', async () => {
    const post = await bearer();
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await post({ body: 'tag=v1&tag=v2&who=ann+b', headers: type })).toBe(202);
    expect(await mail()).toMatchObject({ body: 'who: ann b', data: { tag: ['v1', 'v2'], who: 'ann b' } });
    expect(await post({ body: new Uint8Array([0x61, 0x3d, 0xff]), headers: type })).toBe(400);
  });

  test('of text is the text, of anything else a file', async () => {
    const post = await bearer();
    expect(await post({ body: 'plain words', headers: { 'content-type': 'text/plain' } })).toBe(202);
    expect((await mail()).body).toBe('plain words');
    for (const body of [new Uint8Array([0, 1, 2]), new Uint8Array([0x61, 0xff])]) {
      expect(await post({ body, headers: { 'content-type': 'text/plain' } })).toBe(202);
      const message = await mail();
      expect([message.body, message.attachments?.[0]?.name]).toEqual([
        'attached: payload.bin',
        'payload.bin',
      ]);
    }
    expect(await post({ body: '{"a":', headers: { 'content-type': 'application/json' } })).toBe(400);
    expect(await post({ body: '', headers: { 'content-type': 'application/json' } })).toBe(400);
  });

  test('of JSON that is no message’s data comes whole, as a file', async () => {
    const post = await bearer();
    for (const [payload, summary] of [
      [`{"n":12345678901234567890}`, 'n: 12345678901234567000'],
      [`${'['.repeat(70)}1${']'.repeat(70)}`, ''],
      [JSON.stringify({ text: 'short', more: 'x'.repeat(400_000) }), 'short'],
    ] as const) {
      expect(await post({ body: payload, headers: { 'content-type': 'application/json' } })).toBe(202);
      const message = await mail();
      expect(message.data).toBeUndefined();
      expect(message.body).toStartWith(summary);
      expect([message.attachments?.[0]?.name, await attached(message)]).toEqual(['payload.json', payload]);
    }
  });

  test('of plain values says them, and how many more there are', async () => {
    const post = await bearer();
    expect(await post(json('only a text'))).toBe(202);
    expect((await mail()).body).toBe('only a text');
    expect(await post(json({ deep: { er: 1 } }))).toBe(202);
    expect((await mail()).body).toBe('{"deep":{"er":1}}');
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`field${index}`, index]));
    expect(await post(json(many))).toBe(202);
    expect((await mail()).body).toEndWith('\n…');
  });

  test('fills a template with what it says of itself', async () => {
    const post = await bearer(
      '--id-header',
      'X-Id',
      '--template',
      '{{a.b}} {{gone}}|{{@id}}|{{@event}}|{{@body}}',
    );
    expect(await post(json({ a: { b: [1] } }, { 'x-id': 'seven' }))).toBe(202);
    expect((await mail()).body).toBe('[1] |seven||{"a":{"b":[1]}}');
  });

  test('of GitHub as a form is its payload; an event nobody asked for is ignored', async () => {
    const secret = await site.add(
      'gh',
      '--to',
      'bob',
      '--verify',
      'github',
      '--event',
      'issues.*',
      '--event',
      'star',
    );
    const type = 'application/x-www-form-urlencoded';
    const form = (payload: string): string => `payload=${encodeURIComponent(payload)}`;
    const star = JSON.stringify({
      action: 'created',
      sender: { login: 'ann' },
      repository: { full_name: 'a/b' },
    });
    const posted = (body: string, event: string): Promise<Response> =>
      site.post('/hooks/gh', fromGithub(secret, body, { event, type }));
    expect((await posted(form(star), 'star')).status).toBe(202);
    expect((await mail()).body).toBe('a/b: ann gave a star');
    expect((await posted('nothing=here', 'star')).status).toBe(400);
    const ignored = await posted(form(star), 'push');
    expect([ignored.status, await ignored.json()]).toMatchObject([200, { ignored: expect.any(String) }]);
    expect((await posted(form(star), 'issues')).status).toBe(202);
  });
});

describe('a webhook', () => {
  test('that could not work is refused when it is made', async () => {
    const { machine } = site;
    const file = (name: string): string => join(machine.directory, name);
    await Bun.write(file('short'), 'short\n');
    await Bun.write(file('long'), 'not base64 of any kind!\n');
    await Bun.write(file('public'), 'whpk_AAAA\n');
    await Bun.write(file('lines'), 'one line\nand another\n');
    const base = ['webhook', 'add', 'wrong', '--to', 'bob'];
    const refusals: [readonly string[], number, string][] = [
      [['--verify', 'github', '--header', 'X-Sig'], 64, 'its headers are its own'],
      [['--verify', 'github', '--signed', '{body}'], 64, 'with hmac alone, found github'],
      [['--verify', 'hmac'], 64, 'wanted --header <name>'],
      [['--verify', 'hmac', '--header', 'a b'], 64, 'wanted the name of a header'],
      [['--verify', 'hmac', '--header', 'X-Sig', '--signed', '{timestamp}'], 64, 'wanted {body} in --signed'],
      [['--verify', 'hmac', '--header', 'X-Sig', '--signed', '{id}.{body}'], 64, 'wanted --id-header'],
      [['--verify', 'bearer', '--template', 'a {{b'], 65, 'wanted a template of {{path.to.field}}'],
      [['--verify', 'bearer', '--template', 'x'.repeat(9_000)], 65, 'wanted a template of at most'],
      [['--verify', 'bearer', '--secret-file', file('gone')], 66, 'wanted to read'],
      [['--verify', 'bearer', '--secret-file', file('short')], 65, 'one line of at least 8 characters'],
      [['--verify', 'bearer', '--secret-file', file('lines')], 65, 'one line of at least 8 characters'],
      [['--verify', 'bearer', '--secret-file', file('long'), '--generate'], 64, 'found both'],
      [['--verify', 'standard', '--secret-file', file('long')], 65, 'whsec_ and 24 to 64 bytes'],
      [['--verify', 'standard', '--secret-file', file('public')], 65, '32 bytes of an Ed25519 key'],
    ];
    const found: typeof refusals = [];
    for (const [flags, , words] of refusals) {
      const { code, stdout, stderr } = await machine.run([...base, ...flags]);
      found.push([flags, code, stderr.includes(words) ? words : stdout + stderr]);
    }
    expect(found).toEqual(refusals);
    await machine.ok([...base, '--verify', 'bearer']);
    const again = await machine.run([...base, '--verify', 'bearer']);
    expect([again.code, again.stderr.includes('there is a webhook wrong already')]).toEqual([77, true]);
    await machine.ok(['webhook', 'add', 'first', '--to', 'bob', '--verify', 'bearer']);
    const chained = await machine.run(['webhook', 'add', 'second', '--to', 'first', '--verify', 'bearer']);
    expect([chained.code, chained.stderr.includes('found first, a webhook')]).toEqual([77, true]);
  });

  test('is shown with its proof, its secret once, and the old one as long as it counts', async () => {
    const { machine } = site;
    expect(await machine.ok(['webhook', 'list'])).toBe(
      'no webhooks; ipc webhook add <name> --to <name> --verify <scheme> makes one\n',
    );
    const add = (name: string, ...flags: string[]): Promise<string> =>
      machine.ok(['webhook', 'add', name, '--to', 'bob', ...flags]);
    expect(await add('gh', '--verify', 'github', '--event', 'push')).toMatch(
      /X-Hub-Signature-256[^]*events +push/,
    );
    expect(await add('std', '--verify', 'standard')).toMatch(/secret +whsec_/);
    expect(await add('own', '--verify', 'hmac', '--header', 'X-Sig')).toContain(
      'sha256 over {body} in X-Sig',
    );
    expect(await add('cam', '--verify', 'bearer', '--template', 'seen {{what}}')).toMatch(
      /whoever has the token can write anything[^]*writes +seen \{\{what\}\}/,
    );
    await machine.ok(['webhook', 'rotate', 'gh']);
    const listed = await machine.ok(['webhook', 'list']);
    expect(listed).toMatch(/gh +bob +github, old secret until in \d+ \w+ +push/);
    expect(listed).not.toContain('whsec_');
    const missing = await machine.run(['webhook', 'remove', 'gg']);
    expect([missing.code, missing.stderr.includes('did you mean gh?')]).toEqual([67, true]);
  });

  test('is tried: what was made of the post, what was ignored, and nobody there', async () => {
    const { machine, url } = site;
    await site.add('gh', '--to', 'bob', '--verify', 'github', '--event', 'issues.opened');
    const tried = (...args: string[]) => machine.run(['webhook', 'test', 'gh', ...args]);
    expect((await tried('--url', url)).stdout).toContain('bob: queued');
    expect((await tried('--url', url, '--event', 'push')).stdout).toContain('not wanted by this webhook');
    const nobody = await tried('--url', 'http://127.0.0.1:1');
    expect([nobody.code, nobody.stderr.includes('nobody takes posts at')]).toEqual([69, true]);
  });
});
