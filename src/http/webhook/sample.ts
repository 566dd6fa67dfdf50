/** A post as the sender of a scheme would make it, signed with the webhook's own secret: for `ipc webhook test`. */
import { Failure } from '../../protocol/failures.ts';
import type { Webhook } from '../../system/webhooks.ts';
import { digest, signedContent, standardKey } from './signature.ts';

export interface Sample {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Occasion {
  readonly event: string;
  readonly id: string;
  readonly now: number;
}

const REPOSITORY = { full_name: 'octocat/hello-world', html_url: 'https://github.com/octocat/hello-world' };
const SENDER = { login: 'octocat' };

const payloads: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  issues: {
    action: 'opened',
    issue: {
      number: 7,
      title: 'A sample',
      body: 'Sent by ipc webhook test.',
      html_url: `${REPOSITORY.html_url}/issues/7`,
    },
  },
  ping: { zen: 'Sent by ipc webhook test.', hook_id: 1, hook: { events: ['*'] } },
  pull_request: {
    action: 'opened',
    pull_request: {
      number: 8,
      title: 'A sample',
      body: 'Sent by ipc webhook test.',
      html_url: `${REPOSITORY.html_url}/pull/8`,
      base: { ref: 'main' },
      head: { ref: 'sample' },
    },
  },
  push: {
    ref: 'refs/heads/main',
    commits: [{ id: '0123456789abcdef', message: 'Sent by ipc webhook test', author: { name: 'octocat' } }],
    compare: `${REPOSITORY.html_url}/compare/main`,
  },
};

/** What is posted when nothing else is asked for: an event that the webhook wants. */
export function sampleEvent({ verify, events }: Webhook): string {
  const [wanted] = events ?? [];
  const plain = verify.scheme === 'github' ? 'ping' : 'ipc.test';
  if (wanted === undefined || events?.includes(plain) === true) return plain;
  return wanted.replace(/[.*]*\*$/, '') || plain;
}

export function sampleOf({ name, verify, secret }: Webhook, { event, id, now }: Occasion): Sample {
  const time = String(Math.floor(now / 1_000));
  const [base = event, action] = event.split('.');
  const bodyOf = (payload: unknown): string => JSON.stringify(payload);
  const type = { 'content-type': 'application/json' };
  switch (verify.scheme) {
    case 'github': {
      const payload = { ...payloads[base], ...(action === undefined ? {} : { action }) };
      const body = bodyOf({ ...payload, repository: REPOSITORY, sender: SENDER });
      const signature = `sha256=${digest('sha256', secret, [body]).toString('hex')}`;
      const headers = { 'x-github-event': base, 'x-github-delivery': id, 'x-hub-signature-256': signature };
      return { body, headers: { ...type, 'user-agent': 'ipc webhook test', ...headers } };
    }
    case 'standard': {
      if (secret.startsWith('whpk_'))
        throw new Failure(
          'not_allowed',
          'only the sender can sign for this webhook: it alone has the private key',
          {
            hint: 'ipc webhook list',
          },
        );
      const body = bodyOf({ type: event, timestamp: new Date(now).toISOString(), data: testOf(name) });
      const signature = digest('sha256', standardKey(secret), [`${id}.${time}.`, body]).toString('base64');
      const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${signature}` };
      return { body, headers: { ...type, ...headers } };
    }
    case 'hmac': {
      const body = bodyOf(testOf(name));
      const content = signedContent(verify.signed, { bytes: Buffer.from(body), time, id });
      const hex = digest(verify.algorithm, secret, content).toString('hex');
      const listed = verify.signed.includes('{timestamp}') && verify.timestampHeader === undefined;
      return {
        body,
        headers: {
          ...type,
          [verify.header]: listed ? `t=${time},v1=${hex}` : `${verify.algorithm}=${hex}`,
          ...(verify.timestampHeader === undefined ? {} : { [verify.timestampHeader]: time }),
          [verify.idHeader ?? 'idempotency-key']: id,
        },
      };
    }
    case 'bearer': {
      const token =
        verify.header === undefined ? { authorization: `Bearer ${secret}` } : { [verify.header]: secret };
      return {
        body: bodyOf(testOf(name)),
        headers: { ...type, ...token, [verify.idHeader ?? 'idempotency-key']: id },
      };
    }
  }
}

function testOf(name: string) {
  return { message: `Sent by ipc webhook test ${name}.` };
}
