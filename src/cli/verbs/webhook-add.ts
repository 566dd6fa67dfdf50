/** `ipc webhook add`: a name others can post to, and whom what they post goes to. */
import { checkTemplate } from '../../http/webhook/template.ts';
import { Failure } from '../../protocol/failures.ts';
import { formatAddress, nameKey, parseAddress, parseOwnName, type AgentName } from '../../protocol/names.ts';
import { prepareHome } from '../../system/home.ts';
import { randomKey, randomUuid } from '../../system/ids.ts';
import {
  algorithms,
  changeWebhook,
  forgetWebhook,
  schemes,
  type Algorithm,
  type Scheme,
  type Verification,
  type Webhook,
} from '../../system/webhooks.ts';
import type { Call } from '../call.ts';
import { openAs } from '../open-as.ts';
import type { Verb } from '../verb.ts';
import { addedText, hookUrl } from '../webhook/text.ts';
import { secretFlags, secretOf } from '../webhook/secret.ts';

const BODY = '{body}';
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

export const add: Verb = {
  spec: {
    name: 'webhook add',
    summary: 'Let a service post messages here, proven by a secret',
    usage: '<name> --to <name|#topic> --verify <scheme>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [
      {
        name: 'to',
        field: 'to',
        kind: 'text',
        hint: 'name|#topic',
        repeat: true,
        help: 'who gets what is posted',
      },
      {
        name: 'verify',
        field: 'verify',
        kind: 'choice',
        hint: schemes.join('|'),
        choices: schemes,
        help: 'how the sender proves itself',
      },
      ...secretFlags,
      {
        name: 'header',
        field: 'header',
        kind: 'text',
        hint: 'name',
        help: 'hmac, bearer: header with the signature or the bare token',
      },
      {
        name: 'signed',
        field: 'signed',
        kind: 'text',
        hint: 'text',
        help: 'hmac: what is signed, of {body}, {timestamp} and {id}',
        initial: BODY,
      },
      {
        name: 'timestamp-header',
        field: 'timestampHeader',
        kind: 'text',
        hint: 'name',
        help: 'hmac: header with the time',
      },
      {
        name: 'id-header',
        field: 'idHeader',
        kind: 'text',
        hint: 'name',
        help: 'hmac, bearer: header by which a repeat is told',
      },
      {
        name: 'algorithm',
        field: 'algorithm',
        kind: 'choice',
        hint: algorithms.join('|'),
        choices: algorithms,
        help: 'hmac: the hash',
        initial: 'sha256',
      },
      {
        name: 'template',
        field: 'template',
        kind: 'text',
        hint: 'text',
        help: 'what to write, with {{path.to.field}} of the payload',
      },
      {
        name: 'event',
        field: 'event',
        kind: 'text',
        hint: 'name',
        repeat: true,
        help: 'only these: push, pull_request.opened, invoice.*',
      },
    ],
    examples: [
      [
        'ipc webhook add github --to bob --verify github',
        'shows the URL and a new secret to paste at GitHub',
      ],
      [
        "ipc webhook add ci --to '#builds' --verify bearer --template 'build {{number}}: {{status}}'",
        'own words',
      ],
    ],
    notes: [
      'github, standard (Standard Webhooks) and hmac prove who wrote every byte: their messages are marked verified. bearer proves only that somebody has the token: its messages are marked not verified.',
      "Slack signs as --header X-Slack-Signature --timestamp-header X-Slack-Request-Timestamp --signed 'v0:{timestamp}:{body}', Stripe as --header Stripe-Signature --signed '{timestamp}.{body}'; GitLab sends a bearer in --header X-Gitlab-Token.",
      'A webhook only sends; what is sent to it is refused. A tunnel that brings posts from outside needs ipc serve --allow-host <its name>.',
    ].join('\n\n'),
    operations: {},
  },
  run: async (call: Call) => {
    const { world, values } = call;
    const { paths } = world;
    const name = parseOwnName(call.words[0] ?? '');
    const verify = verificationOf(call);
    const to = recipientsOf(call, name);
    const template = values.text('template');
    if (template !== undefined) checkTemplate(template);
    const events = values
      .texts('event')
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== '');
    const { secret, fresh } = await secretOf(call, verify.scheme);
    prepareHome(paths, world.environment);
    await wantReaders(call, to);
    const webhook: Webhook = {
      id: randomUuid(),
      name,
      key: randomKey(),
      to,
      verify,
      secret,
      ...(template === undefined ? {} : { template }),
      ...(events.length === 0 ? {} : { events }),
      createdAt: new Date(world.now()).toISOString(),
    };
    await changeWebhook(paths, name, async (found) => {
      if (typeof found === 'string') return { next: webhook, answer: undefined };
      throw new Failure('name_taken', `there is a webhook ${found.name} already`, {
        hint: `ipc webhook remove ${found.name}`,
      });
    });
    await takeName(call, webhook);
    const url = hookUrl(world.environment, name);
    const { key: _key, secret: _secret, ...shown } = webhook;
    await call.print({ ...shown, url, ...(fresh ? { secret } : {}) }, (look) =>
      addedText(webhook, { look, url, secret: fresh ? secret : undefined }),
    );
  },
};

/** The name becomes the webhook's agent; when it is somebody else's there is no webhook. */
async function takeName({ world }: Call, { name, key, verify }: Webhook): Promise<void> {
  try {
    const client = await openAs(world, { agent: name, key, kind: 'webhook', client: verify.scheme });
    await client.close();
  } catch (error) {
    forgetWebhook(world.paths, name);
    if (!(error instanceof Failure) || !/^(?:credential_refused|name_forwarding)$/.test(error.code))
      throw error;
    throw new Failure('name_taken', `wanted a name nobody has for the webhook; ${error.message}`, {
      hint: `ipc webhook add ${name}-hook …`,
      cause: error,
    });
  }
}

function recipientsOf({ values }: Call, own: AgentName): readonly string[] {
  const to = values.texts('to').map(parseAddress);
  if (to.length === 0)
    throw new Failure('invalid', 'wanted --to <name|#topic>: who gets what is posted', { hint });
  for (const address of to) {
    if (address.kind === 'all')
      throw new Failure('invalid', 'wanted names or a #topic; a stranger’s post is not for @all', {
        hint: 'ipc topic join <topic>',
      });
    if (address.kind === 'agent' && nameKey(address.name) === nameKey(own))
      throw new Failure('invalid', `wanted another recipient than the webhook ${own} itself`, { hint });
  }
  return to.map(formatAddress);
}

/** Kernels and other webhooks read nothing: better said now than by every post. */
async function wantReaders(call: Call, to: readonly string[]): Promise<void> {
  await using session = await call.open({ agent: 'none' });
  const { agents } = await session.operations.who({ all: true });
  for (const name of to) {
    const kind = agents.find((agent) => nameKey(agent.name) === nameKey(name))?.kind;
    if (kind === 'kernel' || kind === 'webhook')
      throw new Failure('not_allowed', `wanted a recipient that reads messages, found ${name}, a ${kind}`, {
        hint,
      });
  }
}

function verificationOf({ values }: Call): Verification {
  const scheme = values.text('verify') as Scheme | undefined;
  if (scheme === undefined)
    throw new Failure('invalid', `wanted --verify ${schemes.join('|')}: how the sender proves itself`, {
      hint,
    });
  const header = headerOf(values.text('header'));
  const idHeader = headerOf(values.text('idHeader'));
  const timestampHeader = headerOf(values.text('timestampHeader'));
  const more = { ...(idHeader === undefined ? {} : { idHeader }) };
  const foreign = { signed: values.text('signed'), algorithm: values.text('algorithm'), timestampHeader };
  if (scheme !== 'hmac' && Object.values(foreign).some((value) => value !== undefined))
    throw new Failure(
      'invalid',
      `wanted --signed, --algorithm and --timestamp-header with hmac alone, found ${scheme}`,
      { hint },
    );
  switch (scheme) {
    case 'github':
    case 'standard':
      if (header ?? idHeader)
        throw new Failure('invalid', `wanted no header for ${scheme}: its headers are its own`, { hint });
      return { scheme };
    case 'bearer':
      return { scheme, ...(header === undefined ? {} : { header }), ...more };
    case 'hmac':
      return {
        scheme,
        header: wantHeader(header),
        algorithm: (foreign.algorithm ?? 'sha256') as Algorithm,
        signed: signedOf(foreign.signed ?? BODY, idHeader),
        ...(timestampHeader === undefined ? {} : { timestampHeader }),
        ...more,
      };
  }
}

function signedOf(text: string, idHeader: string | undefined): string {
  if (!text.includes(BODY))
    throw new Failure('invalid', 'wanted {body} in --signed: what is not signed can be changed', { hint });
  if (text.includes('{id}') && idHeader === undefined)
    throw new Failure('invalid', 'wanted --id-header for the {id} in --signed', { hint });
  return text;
}

function wantHeader(header: string | undefined): string {
  if (header !== undefined) return header;
  throw new Failure('invalid', 'wanted --header <name>: where the signature is', { hint });
}

function headerOf(text: string | undefined): string | undefined {
  if (text === undefined || HEADER.test(text)) return text;
  throw new Failure('invalid', `wanted the name of a header, found ${JSON.stringify(text)}`, { hint });
}

const hint = 'ipc help webhook add';
