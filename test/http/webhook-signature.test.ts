/** Signatures: published vectors, the reference library as the sender, and whoever tries without the secret. */
import { describe, expect, test } from 'bun:test';
import { createHmac, generateKeyPairSync, sign as signEdwards } from 'node:crypto';
import { Webhook as StandardSender } from 'standardwebhooks';
import { prove } from '../../src/http/webhook/signature.ts';
import { HttpFailure } from '../../src/http/problem.ts';
import type { AgentName } from '../../src/protocol/names.ts';
import type { Verification, Webhook } from '../../src/system/webhooks.ts';

const NOW = Date.UTC(2026, 6, 1, 12);
const SECONDS = NOW / 1_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const webhook = (verify: Verification, secret: string, more: Partial<Webhook> = {}): Webhook => ({
  id: 'w1',
  name: 'hook' as AgentName,
  key: 'k',
  to: ['bob'],
  verify,
  secret,
  createdAt: new Date(NOW).toISOString(),
  ...more,
});

/** The id a post was taken under, or the status it was refused with. */
function outcome(hook: Webhook, headers: Record<string, string>, body: string | Uint8Array, now = NOW) {
  try {
    return prove(hook, new Headers(headers), typeof body === 'string' ? bytes(body) : body, now).id;
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    return error.failure.code;
  }
}

describe('github', () => {
  // docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook payload validation".
  const hook = webhook({ scheme: 'github' }, "It's a Secret to Everybody");
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const headers = { 'X-Hub-Signature-256': signature, 'X-GitHub-Delivery': '72d3162e' };

  test('the vector that GitHub publishes is taken, under the id of the delivery', () => {
    expect(outcome(hook, headers, 'Hello, World!')).toBe('72d3162e');
  });

  test.each([
    ['one letter of the body is another', headers, 'Hello, World?', hook],
    ['the secret is another', headers, 'Hello, World!', webhook({ scheme: 'github' }, 'another secret')],
    ['there is no signature', { 'X-GitHub-Delivery': '1' }, 'Hello, World!', hook],
    [
      'the signature is cut short',
      { ...headers, 'X-Hub-Signature-256': signature.slice(0, -2) },
      'Hello, World!',
      hook,
    ],
    ['it is not hex', { ...headers, 'X-Hub-Signature-256': 'sha256=zz' }, 'Hello, World!', hook],
    ['it is empty', { ...headers, 'X-Hub-Signature-256': '' }, 'Hello, World!', hook],
    [
      'only the broken SHA-1 of old is there',
      {
        'X-Hub-Signature': `sha1=${createHmac('sha1', hook.secret).update('x').digest('hex')}`,
        'X-GitHub-Delivery': '1',
      },
      'x',
      hook,
    ],
  ])('it is refused when %s', (_why, sent, body, to) => {
    expect(outcome(to, sent, body)).toBe('credential_refused');
  });

  test('what is signed but has no delivery id could be replayed for ever, and is refused', () => {
    expect(outcome(hook, { 'X-Hub-Signature-256': signature }, 'Hello, World!')).toBe('malformed');
    expect(outcome(hook, { ...headers, 'X-GitHub-Delivery': 'x'.repeat(256) }, 'Hello, World!')).toBe(
      'malformed',
    );
  });

  test('after a rotation both secrets are good, until the old one’s time is over', () => {
    const rotated = webhook({ scheme: 'github' }, 'new secret', {
      previous: { secret: hook.secret, until: NOW + 1_000 },
    });
    const fresh = {
      ...headers,
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', 'new secret').update('b').digest('hex')}`,
    };
    expect(outcome(rotated, headers, 'Hello, World!', NOW + 999)).toBe('72d3162e');
    expect(outcome(rotated, headers, 'Hello, World!', NOW + 1_000)).toBe('credential_refused');
    expect(outcome(rotated, fresh, 'b', NOW + 5_000)).toBe('72d3162e');
  });
});

describe('standard', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const hook = webhook({ scheme: 'standard' }, secret);
  const sender = new StandardSender(secret);
  const body = '{"type":"invoice.paid","timestamp":"2026-07-01T12:00:00Z","data":{"id":"ü"}}';
  const signed = (at = NOW, id = 'msg_1', text = body): Record<string, string> => ({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1_000)),
    'webhook-signature': sender.sign(id, new Date(at), text),
  });

  test('what its own library signs is taken, under webhook-id', () => {
    expect(outcome(hook, signed(), body)).toBe('msg_1');
  });

  test('any of several signatures is enough', () => {
    const sent = { ...signed(), 'webhook-signature': `v1,AAAA v2,x ${signed()['webhook-signature']}` };
    expect(outcome(hook, sent, body)).toBe('msg_1');
  });

  test.each([
    ['the body was changed', signed(), body.replace('paid', 'void')],
    ['the id was changed', { ...signed(), 'webhook-id': 'msg_2' }, body],
    ['the time was changed', { ...signed(), 'webhook-timestamp': String(SECONDS + 1) }, body],
    ['it is six minutes old', signed(NOW - 360_000), body],
    ['it is of six minutes from now', signed(NOW + 360_000), body],
    ['there is no time', { ...signed(), 'webhook-timestamp': '' }, body],
    ['the signature is of no known version', { ...signed(), 'webhook-signature': 'v9,AAAA' }, body],
    ['nothing is signed', {}, body],
  ])('it is refused when %s', (_why, sent, text) => {
    expect(outcome(hook, sent, text)).toBe('credential_refused');
  });

  test('four minutes of delay are nothing unusual', () => {
    expect(outcome(hook, signed(NOW - 240_000), body)).toBe('msg_1');
  });

  test('a sender with a key pair is known by its public key alone', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const paired = webhook({ scheme: 'standard' }, `whpk_${raw.toString('base64')}`);
    const signature = signEdwards(null, Buffer.from(`msg_1.${SECONDS}.${body}`), privateKey).toString(
      'base64',
    );
    const sent = { ...signed(), 'webhook-signature': `v1a,${signature}` };
    expect(outcome(paired, sent, body)).toBe('msg_1');
    expect(outcome(paired, sent, `${body} `)).toBe('credential_refused');
    // Whoever knows the public key must not be able to use it as a shared secret.
    const forged = createHmac('sha256', raw).update(`msg_1.${SECONDS}.${body}`).digest('base64');
    expect(outcome(paired, { ...signed(), 'webhook-signature': `v1,${forged}` }, body)).toBe(
      'credential_refused',
    );
  });
});

describe('hmac', () => {
  const mac = (text: string, encoding: 'hex' | 'base64' = 'hex'): string =>
    createHmac('sha256', 'top secret').update(text).digest(encoding);
  const plain = webhook(
    { scheme: 'hmac', header: 'X-Signature', algorithm: 'sha256', signed: '{body}' },
    'top secret',
  );

  test.each([
    ['hex', mac('body')],
    ['hex with the name of the hash', `sha256=${mac('body')}`],
    ['base64', mac('body', 'base64')],
    ['base64 with the name of the hash', `sha256=${mac('body', 'base64')}`],
  ])('a signature of the body in %s is taken', (_form, said) => {
    expect(outcome(plain, { 'X-Signature': said, 'Idempotency-Key': '"k1"' }, 'body')).toBe('k1');
    expect(outcome(plain, { 'X-Signature': said }, 'body')).toBeUndefined();
    expect(outcome(plain, { 'X-Signature': said }, 'other')).toBe('credential_refused');
  });

  test('Slack’s way: a version, the time in a header of its own', () => {
    const slack = webhook(
      {
        scheme: 'hmac',
        header: 'X-Slack-Signature',
        algorithm: 'sha256',
        signed: 'v0:{timestamp}:{body}',
        timestampHeader: 'X-Slack-Request-Timestamp',
      },
      'top secret',
    );
    const sent = (at: number) => ({
      'X-Slack-Request-Timestamp': String(at),
      'X-Slack-Signature': `v0=${mac(`v0:${at}:a=1`)}`,
    });
    expect(outcome(slack, sent(SECONDS), 'a=1')).toBeString();
    expect(outcome(slack, sent(SECONDS), 'a=1')).toBe(outcome(slack, sent(SECONDS), 'a=1') ?? '');
    expect(outcome(slack, sent(SECONDS + 1), 'a=1')).not.toBe(outcome(slack, sent(SECONDS), 'a=1') ?? '');
    expect(outcome(slack, sent(SECONDS - 301), 'a=1')).toBe('credential_refused');
    expect(outcome(slack, { ...sent(SECONDS), 'X-Slack-Request-Timestamp': '' }, 'a=1')).toBe(
      'credential_refused',
    );
  });

  test('Stripe’s way: time and signatures in one list', () => {
    const stripe = webhook(
      { scheme: 'hmac', header: 'Stripe-Signature', algorithm: 'sha256', signed: '{timestamp}.{body}' },
      'top secret',
    );
    const sent = (at: number) => ({
      'Stripe-Signature': `t=${at},v1=${'0'.repeat(64)},v1=${mac(`${at}.{}`)}`,
    });
    expect(outcome(stripe, sent(SECONDS), '{}')).toBeString();
    expect(outcome(stripe, sent(SECONDS - 301), '{}')).toBe('credential_refused');
    expect(outcome(stripe, { 'Stripe-Signature': `v1=${mac(`${SECONDS}.{}`)}` }, '{}')).toBe(
      'credential_refused',
    );
    // What an attacker adds to the list makes no new delivery of it.
    const padded = { 'Stripe-Signature': `${sent(SECONDS)['Stripe-Signature']},v1=${'1'.repeat(64)}` };
    expect(outcome(stripe, padded, '{}')).toBe(outcome(stripe, sent(SECONDS), '{}') ?? '');
  });

  test('an id in a header of its own is signed with the rest when the sender does so', () => {
    const verify = {
      scheme: 'hmac',
      header: 'X-Sig',
      algorithm: 'sha512',
      signed: '{id}.{body}',
      idHeader: 'X-Id',
    } as const;
    const hook = webhook(verify, 'top secret');
    const said = createHmac('sha512', 'top secret').update('n1.body').digest('hex');
    expect(outcome(hook, { 'X-Sig': said, 'X-Id': 'n1' }, 'body')).toBe('n1');
    expect(outcome(hook, { 'X-Sig': said, 'X-Id': 'n2' }, 'body')).toBe('credential_refused');
    expect(outcome(hook, { 'X-Sig': said }, 'body')).toBe('credential_refused');
  });
});

describe('bearer', () => {
  const token = 'a-long-enough-token';

  test('a token in Authorization, or bare in a header of the sender’s own', () => {
    const hook = webhook({ scheme: 'bearer' }, token);
    expect(outcome(hook, { Authorization: `Bearer ${token}`, 'Idempotency-Key': 'a' }, 'x')).toBe('a');
    const gitlab = webhook(
      { scheme: 'bearer', header: 'X-Gitlab-Token', idHeader: 'X-Gitlab-Event-UUID' },
      token,
    );
    expect(outcome(gitlab, { 'X-Gitlab-Token': token, 'X-Gitlab-Event-UUID': 'u1' }, 'x')).toBe('u1');
    expect(outcome(gitlab, { 'X-Gitlab-Token': token }, 'x')).toBe('malformed');
  });

  test.each([
    [{ Authorization: 'Bearer wrong' }],
    [{ Authorization: token }],
    [{ Authorization: `Basic ${token}` }],
    [{ Authorization: `Bearer ${token}x` }],
    [{ Authorization: 'Bearer' }],
    [{}],
  ])('%p is refused', (sent) => {
    expect(outcome(webhook({ scheme: 'bearer' }, token), sent as Record<string, string>, 'x')).toBe(
      'credential_refused',
    );
  });
});
