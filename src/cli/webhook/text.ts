/** Webhooks as a person is shown them. A secret stands in the answer to the command that made it, and nowhere else. */
import { visibleLine } from '../../present/escape.ts';
import { table } from '../../present/table.ts';
import { ago, relative } from '../../present/time.ts';
import type { Look } from '../../present/person.ts';
import { type Environment, variable } from '../../system/environment.ts';
import type { Verification, Webhook } from '../../system/webhooks.ts';

const PORT = '8788';

/** Where a running `ipc serve` of this machine takes posts for it. */
export function hookUrl(environment: Environment, name: string): string {
  return `http://127.0.0.1:${variable(environment, 'PORT') ?? PORT}/hooks/${name}`;
}

export function addedText(
  webhook: Webhook,
  { look, url, secret }: { look: Look; url: string; secret: string | undefined },
): string {
  const { style } = look;
  const rows: [string, string][] = [
    ['URL', url],
    ...(secret === undefined ? [] : [['secret', secret] satisfies [string, string]]),
    ['proof', proofWords(webhook.verify)],
    ['to', webhook.to.map(visibleLine).join(', ')],
  ];
  if (webhook.events !== undefined) rows.push(['events', webhook.events.map(visibleLine).join(', ')]);
  if (webhook.template !== undefined) rows.push(['writes', visibleLine(webhook.template)]);
  return `${style.name(style.strong(webhook.name))}\n${table(rows.map(([label, text]) => [{ text: `  ${label}`, paint: style.faint }, { text }]))}`;
}

export function webhooksText(webhooks: readonly Webhook[], look: Look): string {
  if (webhooks.length === 0)
    return 'no webhooks; ipc webhook add <name> --to <name> --verify <scheme> makes one\n';
  const { style, now } = look;
  const head = ['name', 'to', 'proof', 'events', 'made'].map((text) => ({ text, paint: style.faint }));
  const rows = webhooks.map(({ name, to, verify, events, createdAt, previous }) => [
    { text: name, paint: style.name },
    { text: to.map(visibleLine).join(', ') },
    {
      text: `${verify.scheme}${previous !== undefined && previous.until > now ? `, old secret until ${relative(new Date(previous.until).toISOString(), now)}` : ''}`,
    },
    { text: events === undefined ? 'all' : events.map(visibleLine).join(', ') },
    { text: ago(createdAt, now), paint: style.faint },
  ]);
  return table([head, ...rows]);
}

function proofWords(verify: Verification): string {
  switch (verify.scheme) {
    case 'github':
      return 'X-Hub-Signature-256 of GitHub (verified)';
    case 'standard':
      return 'webhook-signature of Standard Webhooks (verified)';
    case 'hmac':
      return `${verify.algorithm} over ${visibleLine(verify.signed)} in ${verify.header} (verified)`;
    case 'bearer':
      return `token in ${verify.header ?? 'Authorization: Bearer'} (not verified: whoever has the token can write anything)`;
  }
}
