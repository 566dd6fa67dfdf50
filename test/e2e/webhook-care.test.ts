/** Webhooks as a person keeps them, and whoever tries them without the secret, on the compiled binary. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHmac, randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromGithub, json, openSite, push, type Site } from './webhook-site.ts';
import { openDoor } from './http-door.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
  await site.add('another', '--to', 'bob', '--verify', 'bearer');
});
afterAll(() => site[Symbol.asyncDispose]());

const statusOf = async (path: string, init: RequestInit): Promise<number> =>
  (await site.post(path, init)).status;

describe('whoever has no secret', () => {
  test('is told 401 and why, not what the signature should have been, and nothing is stored', async () => {
    const secret = await site.add('strict', '--to', 'strict-box', '--verify', 'github');
    const tampered = { ...fromGithub(secret, push()), body: push('changed') };
    for (const post of [tampered, fromGithub('another secret', push()), json({})]) {
      const response = await site.post('/hooks/strict', post);
      const text = await response.text();
      expect([response.status, JSON.parse(text)]).toMatchObject([
        401,
        { code: 'credential_refused', status: 401 },
      ]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(text).not.toContain(createHmac('sha256', secret).update(push('changed')).digest('hex'));
    }
    expect(await site.check('strict-box')).toEqual([]);
  });

  test('may guess a few times a minute; the sender who has the secret is not kept out by that', async () => {
    const secret = await site.add('guessed', '--to', 'bob', '--verify', 'github');
    const { url, stop } = await openDoor(site.machine, [], { env: { IPC_HTTP_ADDRESS_PER_MINUTE: '20' } });
    const guess = async () =>
      fetch(`${url}/hooks/guessed`, { method: 'POST', ...fromGithub('wrong', push()) });
    const answers = await Promise.all(Array.from({ length: 30 }, guess));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    const true_ = await fetch(`${url}/hooks/guessed`, { method: 'POST', ...fromGithub(secret, push()) });
    expect(true_.status).toBe(202);
    await stop();
    await site.check('bob');
  });

  test('fills no log, however often it knocks; and of a body not a word is logged', async () => {
    const secret = await site.add('noisy', '--to', 'noisy-box', '--verify', 'github');
    const own = await openDoor(site.machine);
    const knock = (post: RequestInit) => fetch(`${own.url}/hooks/noisy`, { method: 'POST', ...post });
    const broken = '{"password": hunter2}';
    expect((await knock(fromGithub(secret, broken))).status).toBe(400);
    for (let round = 0; round < 300; round += 1) await (await knock(json({}))).text();
    await own.stop();
    expect(own.log()).toContain('webhook name=noisy refused=malformed');
    expect(own.log()).not.toContain('hunter2');
    expect(own.log().split('\n').length).toBeLessThan(150);
  });

  test('learns nothing of a definition that is damaged: neither where it lies nor what is in it', async () => {
    await site.add('damaged', '--to', 'bob', '--verify', 'bearer');
    const path = join(site.machine.home, 'webhooks/damaged.json');
    await writeFile(path, '{"secret": hunter2');
    const own = await openDoor(site.machine);
    const answer = await fetch(`${own.url}/hooks/damaged`, { method: 'POST', ...json({}) });
    expect([answer.status, await answer.text()]).toEqual([
      500,
      expect.not.stringContaining(site.machine.home),
    ]);
    await own.stop();
    expect(own.log()).toContain(path);
    expect(own.log()).not.toContain('hunter2');
    await rm(path);
  });

  test.each([
    '/hooks/',
    '/hooks/nobody',
    '/hooks/..%2f..%2fsecret',
    '/hooks/.lock',
    '/hooks/strict.json',
    '/hooks/strict/',
    '/hooks/strict%00',
    `/hooks/${'x'.repeat(3_000)}`,
    '/hooks/%ff',
  ])('finds nothing at %p', async (path) => {
    expect(await statusOf(path, json({}))).toBe(404);
  });

  test.each(['GET', 'HEAD', 'PUT', 'DELETE'])('gets 405 for %s', async (method) => {
    const response = await fetch(`${site.url}/hooks/strict`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  test('comes in by the name of a tunnel only when serve was told of it', async () => {
    const secret = await site.add('tunnelled', '--to', 'bob', '--verify', 'github');
    const told = await openDoor(site.machine, ['--allow-host', 'my.tunnel.example']);
    const post = fromGithub(secret, push());
    const headers = { ...(post.headers as Record<string, string>), host: 'my.tunnel.example' };
    expect(await statusOf('/hooks/tunnelled', { ...post, headers })).toBe(403);
    const taken = await fetch(`${told.url}/hooks/tunnelled`, { method: 'POST', ...post, headers });
    expect(taken.status).toBe(202);
    await told.stop();
    await site.check('bob');
  });

  test('a page of another site cannot post, token or not', async () => {
    const token = await site.add('formy', '--to', 'bob', '--verify', 'bearer');
    const authorization = `Bearer ${token}`;
    expect(await statusOf('/hooks/formy', json({}, { authorization, origin: 'https://evil.example' }))).toBe(
      403,
    );
    expect(await statusOf('/hooks/formy', json({}, { authorization, 'sec-fetch-site': 'cross-site' }))).toBe(
      403,
    );
  });
});

describe('a webhook is an agent that only sends', () => {
  test('its key is not among those a command can act with, and its name is nobody else’s', async () => {
    const { machine } = site;
    await site.add('robot', '--to', 'bob', '--verify', 'bearer');
    for (const args of [
      ['--as', 'robot', 'send', 'bob', 'forged'],
      ['--as', 'robot', 'check'],
      ['register', 'robot'],
    ])
      expect((await machine.run(args)).code).toBe(77);
    // Not before, and not left behind by those who tried: by now the folder is there.
    expect(await readdir(join(machine.home, 'keys'))).not.toContain('robot');
    expect(await machine.ok(['--as', 'bob', 'send', 'robot', 'thanks'])).toContain('refused by robot');
    expect((await machine.run(['agent', 'remove', 'robot', '--yes'])).stderr).toContain(
      'ipc webhook remove robot',
    );
  });

  test('a name somebody has cannot become a webhook, and then there is none', async () => {
    await site.machine.ok(['--as', 'carol', 'send', 'bob', 'hi']);
    const taken = await site.machine.run(['webhook', 'add', 'carol', '--to', 'bob', '--verify', 'github']);
    expect([taken.code, taken.stderr]).toEqual([77, expect.stringContaining('carol')]);
    expect(await statusOf('/hooks/carol', json({}))).toBe(404);
    await site.check('bob');
  });

  test.each([
    ['@all', ['--to', '@all', '--verify', 'github'], 64],
    ['itself', ['--to', 'self', '--verify', 'github'], 64],
    ['another webhook', ['--to', 'another', '--verify', 'github'], 77],
    ['nobody', ['--verify', 'github'], 64],
    ['no proof', ['--to', 'bob'], 64],
    ['a proof there is not', ['--to', 'bob', '--verify', 'trust'], 64],
    ['hmac without a header', ['--to', 'bob', '--verify', 'hmac'], 64],
    [
      'hmac that does not sign the body',
      ['--to', 'bob', '--verify', 'hmac', '--header', 'X', '--signed', '{timestamp}'],
      64,
    ],
    ['a template that cannot be filled', ['--to', 'bob', '--verify', 'github', '--template', '{{a b}}'], 65],
  ])('to %s is refused when it is added', async (_what, flags, code) => {
    const result = await site.machine.run(['webhook', 'add', 'self', ...flags]);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(await statusOf('/hooks/self', json({}))).toBe(404);
  });
});

describe('secrets', () => {
  test('are shown by the command that makes them, and lie in one file of the home that is this user’s alone', async () => {
    const { machine } = site;
    const secret = await site.add('quiet', '--to', 'bob', '--verify', 'github');
    const path = join(machine.home, 'webhooks/quiet.json');
    expect([
      (await stat(path)).mode & 0o777,
      (await stat(join(machine.home, 'webhooks'))).mode & 0o777,
    ]).toEqual([0o600, 0o700]);
    await site.post('/hooks/quiet', fromGithub(secret, push()));
    await site.post('/hooks/quiet', fromGithub('wrong', push()));
    const { key } = JSON.parse(await readFile(path, 'utf8')) as { key: string };
    const said = [
      await machine.ok(['webhook', 'list']),
      await machine.ok(['webhook', 'list', '--json']),
      await machine.ok(['who', '--all', '--json']),
      await readFile(join(machine.home, 'daemon.log'), 'utf8'),
      site.door.log(),
    ].join('\n');
    for (const hidden of [secret, key]) expect(said).not.toContain(hidden);
    expect(site.door.log()).toContain('name=quiet refused=credential_refused');
    await site.check('bob');
  });

  test('come from a file or stdin, and are not said again', async () => {
    const { machine } = site;
    const file = join(machine.directory, 'secret');
    await writeFile(file, "It's a Secret to Everybody\n");
    const added = await machine.json([
      'webhook',
      'add',
      'filed',
      '--to',
      'bob',
      '--verify',
      'github',
      '--secret-file',
      file,
    ]);
    expect(added).not.toHaveProperty('secret');
    expect(await statusOf('/hooks/filed', fromGithub("It's a Secret to Everybody", push()))).toBe(202);
    const piped = ['webhook', 'rotate', 'filed', '--secret-file', '-', '--overlap', '0s'];
    await machine.ok(piped, { stdin: 'from a pipe\n' });
    expect(await statusOf('/hooks/filed', fromGithub('from a pipe', push()))).toBe(202);
    expect(await statusOf('/hooks/filed', fromGithub("It's a Secret to Everybody", push()))).toBe(401);
    const short = await machine.run(['webhook', 'rotate', 'filed', '--secret-file', '-'], { stdin: 'short' });
    expect([short.code, short.stderr]).toEqual([65, expect.not.stringContaining('short\n')]);
    await site.check('bob');
  });

  test('after a rotation the running server takes the new one at once, and the old one for an hour', async () => {
    const { machine } = site;
    const old = await site.add('turning', '--to', 'bob', '--verify', 'github');
    const { secret, oldSecretUntil } = await machine.json<{ secret: string; oldSecretUntil: string }>([
      'webhook',
      'rotate',
      'turning',
    ]);
    expect(Date.parse(oldSecretUntil) - Date.now()).toBeWithin(3_590_000, 3_600_001);
    for (const good of [secret, old])
      expect(await statusOf('/hooks/turning', fromGithub(good, push()))).toBe(202);
    await machine.ok(['webhook', 'rotate', 'turning', '--overlap', '0s']);
    for (const bad of [secret, old])
      expect(await statusOf('/hooks/turning', fromGithub(bad, push()))).toBe(401);
    await site.check('bob');
  });

  test('what it is to reach goes along with a recipient who takes another name', async () => {
    const { machine } = site;
    const secret = await site.add('loyal', '--to', 'fred', '--verify', 'github');
    await machine.ok(['--as', 'fred', 'check']);
    await machine.ok(['--as', 'fred', 'rename', 'fred-two']);
    expect(await statusOf('/hooks/loyal', fromGithub(secret, push()))).toBe(202);
    const { webhooks } = await machine.json<{ webhooks: { name: string; to: string[] }[] }>([
      'webhook',
      'list',
    ]);
    expect(webhooks.find(({ name }) => name === 'loyal')?.to).toEqual(['fred-two']);
    expect(await site.check('fred-two')).toHaveLength(1);
  });

  test('a webhook that was removed answers 410, what it brought stays, and its namesake repeats nothing', async () => {
    const { machine } = site;
    const post = async (secret: string, delivery: string) =>
      site.post('/hooks/fleeting', fromGithub(secret, push('kept'), { delivery }));
    const delivery = randomUUID();
    const first = await site.add('fleeting', '--to', 'bob', '--verify', 'github');
    expect((await post(first, delivery)).status).toBe(202);
    await machine.ok(['webhook', 'remove', 'fleeting']);
    expect((await post(first, delivery)).status).toBe(410);
    expect(await machine.ok(['who', '--all'])).not.toContain('fleeting');
    const [kept] = await site.check('bob');
    expect([kept?.from.name, kept?.from.kind]).toEqual(['fleeting', 'webhook']);
    const second = await site.add('fleeting', '--to', 'bob', '--verify', 'github');
    expect([(await post(first, delivery)).status, (await post(second, delivery)).status]).toEqual([401, 202]);
    expect(await site.check('bob')).toHaveLength(1);
  });
});
