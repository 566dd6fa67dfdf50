/** Other proofs than GitHub's, and the sender that `ipc webhook test` plays, on the compiled binary. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { Webhook as StandardSender } from 'standardwebhooks';
import { fromGithub, json, openSite, push, type Site } from './webhook-site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const statusOf = async (path: string, init: RequestInit): Promise<number> =>
  (await site.post(path, init)).status;

describe('other proofs than GitHub’s', () => {
  test('Standard Webhooks, by its own library: taken once, within five minutes', async () => {
    const secret = await site.add('invoices', '--to', 'bob', '--verify', 'standard');
    const sender = new StandardSender(secret);
    const body = JSON.stringify({
      type: 'invoice.paid',
      timestamp: '2026-07-01T12:00:00Z',
      data: { amount: 12 },
    });
    const signed = (id: string, at: number): RequestInit => ({
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at / 1_000)),
        'webhook-signature': sender.sign(id, new Date(at), body),
      },
    });
    expect(await statusOf('/hooks/invoices', signed('msg_1', Date.now()))).toBe(202);
    expect(await statusOf('/hooks/invoices', signed('msg_1', Date.now() - 60_000))).toBe(202);
    expect(await statusOf('/hooks/invoices', signed('msg_2', Date.now() - 301_000))).toBe(401);
    expect(
      await statusOf('/hooks/invoices', { ...signed('msg_3', Date.now()), body: body.replace('12', '99') }),
    ).toBe(401);
    const mails = await site.check('bob');
    expect(mails.map(({ body: text, from }) => [text, from.verified])).toEqual([
      ['event invoice.paid\namount: 12', true],
    ]);
  });

  test('a token proves nothing of the bytes: its messages are marked not verified', async () => {
    const token = await site.add(
      'ci',
      '--to',
      'bob',
      '--verify',
      'bearer',
      '--template',
      'build {{build.number}} {{status}}',
    );
    const post = (status: string, key: string): RequestInit =>
      json({ build: { number: 7 }, status }, { authorization: `Bearer ${token}`, 'idempotency-key': key });
    expect(await statusOf('/hooks/ci', post('green {{build}}', 'k1'))).toBe(202);
    expect(await statusOf('/hooks/ci', post('green {{build}}', 'k1'))).toBe(202);
    expect(await statusOf('/hooks/ci', json({}, { authorization: 'Bearer wrong' }))).toBe(401);
    const [mail, ...others] = await site.check('bob');
    expect([mail?.body, mail?.from.verified, others]).toEqual(['build 7 green {{build}}', false, []]);
    expect(await site.machine.ok(['--as', 'bob', 'history', '--limit', '1'])).toContain('unverified');
  });

  test('bytes of any kind by a token arrive as they are', async () => {
    const token = await site.add('camera', '--to', 'bob', '--verify', 'bearer', '--header', 'X-Token');
    const bytes = new Uint8Array([0, 255, 254, 10, 13]);
    const post = { body: bytes, headers: { 'X-Token': token, 'content-type': 'image/png' } };
    expect(await statusOf('/hooks/camera', post)).toBe(202);
    const [mail] = await site.check('bob');
    expect(mail?.body).toBe('attached: payload.bin');
    expect(new Uint8Array(await readFile(mail?.attachments?.[0]?.path ?? ''))).toEqual(bytes);
  });

  test('a CloudEvent is known by source and id, in headers or in the body, and not sent in batches', async () => {
    const token = await site.add('events', '--to', 'bob', '--verify', 'bearer');
    const authorization = `Bearer ${token}`;
    const event = {
      specversion: '1.0',
      id: 'e1',
      source: '/sensors/1',
      type: 'com.example.hot',
      data: { celsius: 99 },
    };
    const structured = json(event, { authorization, 'content-type': 'application/cloudevents+json' });
    const binary = json(event.data, {
      authorization,
      'ce-specversion': '1.0',
      'ce-id': 'e1',
      'ce-source': '%2Fsensors%2F1',
      'ce-type': 'com.example.hot',
    });
    expect([await statusOf('/hooks/events', structured), await statusOf('/hooks/events', binary)]).toEqual([
      202, 202,
    ]);
    const batch = json([event], { authorization, 'content-type': 'application/cloudevents-batch+json' });
    expect(await statusOf('/hooks/events', batch)).toBe(415);
    expect((await site.check('bob')).map(({ body }) => body)).toEqual([
      'event com.example.hot from /sensors/1\ncelsius: 99',
    ]);
    const asked = await fetch(`${site.url}/hooks/events`, {
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'events.example.com' },
    });
    expect([asked.status, asked.headers.get('webhook-allowed-origin')]).toEqual([200, 'events.example.com']);
  });

  test('events nobody wants are answered with 200 and stored nowhere', async () => {
    const secret = await site.add(
      'picky',
      '--to',
      'bob',
      '--verify',
      'github',
      '--event',
      'pull_request.opened,push',
    );
    const opened = JSON.stringify({ action: 'opened', pull_request: { number: 1, title: 'x' } });
    const closed = opened.replace('opened', 'closed');
    const post = (event: string, body: string) =>
      statusOf('/hooks/picky', fromGithub(secret, body, { event }));
    expect([await post('star', '{}'), await post('pull_request', closed)]).toEqual([200, 200]);
    expect([await post('pull_request', opened), await post('push', push())]).toEqual([202, 202]);
    expect(await site.check('bob')).toHaveLength(2);
  });
});

describe('ipc webhook test', () => {
  test.each(['github', 'standard', 'bearer'])(
    'plays the sender of %s and tells what became of it',
    async (scheme) => {
      const name = `play-${scheme}`;
      await site.add(name, '--to', 'bob', '--verify', scheme);
      const told = await site.machine.ok(['webhook', 'test', name, '--url', site.url]);
      expect(told).toContain(': 202 in ');
      expect(told).toContain('bob: queued');
      expect(await site.check('bob')).toHaveLength(1);
    },
  );

  test('plays Slack and Stripe too', async () => {
    const slack = ['--signed', 'v0:{timestamp}:{body}', '--timestamp-header', 'X-Slack-Request-Timestamp'];
    await site.add('slack', '--to', 'bob', '--verify', 'hmac', '--header', 'X-Slack-Signature', ...slack);
    await site.add(
      'stripe',
      '--to',
      'bob',
      '--verify',
      'hmac',
      '--header',
      'Stripe-Signature',
      '--signed',
      '{timestamp}.{body}',
    );
    for (const name of ['slack', 'stripe'])
      expect(await site.machine.ok(['webhook', 'test', name, '--url', site.url])).toContain('bob: queued');
    expect(await site.check('bob')).toHaveLength(2);
  });

  test('says when nobody is in the topic, when nobody serves, and when there is no such webhook', async () => {
    const { machine } = site;
    await site.add('lonely', '--to', '#lonely', '--verify', 'github');
    expect(await machine.ok(['webhook', 'test', 'lonely', '--url', site.url])).toContain(
      'no one is in that topic',
    );
    const nobody = await machine.run(['webhook', 'test', 'lonely', '--url', 'http://127.0.0.1:9']);
    expect([nobody.code, nobody.stderr]).toEqual([69, expect.stringContaining('ipc serve')]);
    const unknown = await machine.run(['webhook', 'test', 'lonly', '--url', site.url]);
    expect([unknown.code, unknown.stderr]).toEqual([67, expect.stringContaining('lonely')]);
  });
});
