/** `ipc webhook list|remove|rotate`: what is there, without its secret; gone; under another secret. */
import { Failure } from '../../protocol/failures.ts';
import { isName, type AgentName } from '../../protocol/names.ts';
import { nearest } from '../../system/nearest.ts';
import { changeWebhook, listWebhooks, readWebhook, type Found, type Webhook } from '../../system/webhooks.ts';
import type { Call } from '../call.ts';
import { openAs } from '../open-as.ts';
import type { Verb } from '../verb.ts';
import { secretFlags, secretOf } from '../webhook/secret.ts';
import { webhooksText } from '../webhook/text.ts';

const OVERLAP_SECONDS = 3_600;

export const list: Verb = {
  spec: {
    name: 'webhook list',
    summary: 'Webhooks: whom each reaches, and how its sender proves itself',
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc webhook list', 'never a secret']],
    operations: {},
  },
  run: async (call: Call) => {
    const webhooks = listWebhooks(call.world.paths);
    const shown = webhooks.map(({ key: _key, secret: _secret, previous, ...rest }) => ({
      ...rest,
      ...(previous === undefined ? {} : { oldSecretUntil: new Date(previous.until).toISOString() }),
    }));
    await call.print({ webhooks: shown }, (look) => webhooksText(webhooks, look));
  },
};

export const remove: Verb = {
  spec: {
    name: 'webhook remove',
    summary: 'Take no posts for it any more; what came stays',
    usage: '<name>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [['ipc webhook remove github', 'its senders get 410 Gone from now on']],
    operations: {},
  },
  run: async (call: Call) => {
    const { world } = call;
    const name = webhookName(call);
    const removed = await changeWebhook(world.paths, name, async (found) => ({
      next: { removedAt: new Date(world.now()).toISOString() },
      answer: wanted(call, name, found),
    }));
    const client = await openAs(world, actingFor(removed));
    try {
      await client.operations['agent.remove']({ name: removed.name, force: true });
    } finally {
      await client.close();
    }
    await call.tell({ removed: removed.name }, () => `${removed.name} takes no posts any more\n`);
  },
};

export const rotate: Verb = {
  spec: {
    name: 'webhook rotate',
    summary: 'Give it another secret; the old one is good for a while yet',
    usage: '<name>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [
      ...secretFlags,
      {
        name: 'overlap',
        field: 'overlap',
        kind: 'duration',
        hint: 'time',
        min: 0,
        max: 604_800,
        help: 'how long the old secret is still taken; 0s when it has leaked',
        initial: '1h',
      },
    ],
    examples: [
      ['ipc webhook rotate github', 'an hour to change it at GitHub too'],
      ['ipc webhook rotate github --overlap 0s', 'it has leaked'],
    ],
    operations: {},
  },
  run: async (call: Call) => {
    const { world, values } = call;
    const name = webhookName(call);
    const { verify } = wanted(call, name, readWebhook(world.paths, name));
    const { secret, fresh } = await secretOf(call, verify.scheme);
    const now = world.now();
    const until = now + (values.number('overlap') ?? OVERLAP_SECONDS) * 1_000;
    await changeWebhook(world.paths, name, async (found) => {
      const { previous: _older, ...webhook } = wanted(call, name, found);
      const kept = until > now ? { previous: { secret: webhook.secret, until } } : {};
      return {
        next: { ...webhook, secret, rotatedAt: new Date(now).toISOString(), ...kept },
        answer: undefined,
      };
    });
    const oldSecretUntil = until > now ? { oldSecretUntil: new Date(until).toISOString() } : {};
    await call.print({ name, ...(fresh ? { secret } : {}), ...oldSecretUntil }, () =>
      fresh ? `${secret}\n` : '',
    );
    call.output.say(
      until > now
        ? `${name} has another secret; the old one is good until ${new Date(until).toISOString()}`
        : `${name} has another secret; the old one is refused from now on`,
    );
  },
};

/** With what the receiver of its posts acts. */
export function actingFor({ name, key, verify }: Webhook) {
  return { agent: name, key, kind: 'webhook' as const, client: verify.scheme };
}

export function webhookName({ words }: Call): AgentName {
  const [name = ''] = words;
  if (isName(name)) return name;
  throw new Failure('invalid_name', `wanted the name of a webhook, found ${JSON.stringify(name)}`, {
    hint: 'ipc webhook list',
  });
}

/** Throws `no_such_agent`, with the name that may have been meant. */
export function wanted({ world }: Call, name: string, found: Found): Webhook {
  if (typeof found !== 'string') return found;
  const meant = nearest(
    name,
    listWebhooks(world.paths).map((webhook) => webhook.name),
  );
  throw new Failure(
    'no_such_agent',
    `there is no webhook ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    { hint: 'ipc webhook list' },
  );
}
