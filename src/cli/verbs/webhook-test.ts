/** `ipc webhook test`: one correctly signed post through a running `ipc serve`, and what became of it. */
import { sampleEvent, sampleOf } from '../../http/webhook/sample.ts';
import { receiptsText } from '../../present/receipt.ts';
import { Failure, isFailureCode } from '../../protocol/failures.ts';
import type { MessageId } from '../../protocol/model.ts';
import type { Output } from '../../protocol/operations.ts';
import { randomUuid } from '../../system/ids.ts';
import { readWebhook } from '../../system/webhooks.ts';
import type { Call } from '../call.ts';
import { openAs } from '../open-as.ts';
import type { Verb } from '../verb.ts';
import { hookUrl } from '../webhook/text.ts';
import { actingFor, wanted, webhookName } from './webhook.ts';

const ANSWER_MS = 15_000;

export const test: Verb = {
  spec: {
    name: 'webhook test',
    summary: 'Send it a correctly signed sample through ipc serve, and tell what happened',
    usage: '<name>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [
      {
        name: 'event',
        field: 'event',
        kind: 'text',
        hint: 'name',
        help: 'event to play: push, issues, pull_request …',
      },
      {
        name: 'url',
        field: 'url',
        kind: 'text',
        hint: 'url',
        help: 'where ipc serve is, if not on port 8788 here',
      },
    ],
    examples: [
      ['ipc webhook test github --event push', 'status, message and receipt'],
      ['ipc webhook test github --url https://my.tunnel.example', 'the way GitHub takes'],
    ],
    operations: {},
  },
  run: async (call: Call) => {
    const { world, values } = call;
    const name = webhookName(call);
    const webhook = wanted(call, name, readWebhook(world.paths, name));
    const event = values.text('event') ?? sampleEvent(webhook);
    const sample = sampleOf(webhook, { event, id: `test-${randomUuid()}`, now: world.now() });
    const url = urlOf(call, name);
    const begun = performance.now();
    const response = await post(url, sample);
    const text = await response.text();
    const milliseconds = Math.round(performance.now() - begun);
    if (!response.ok) throw refused(url, response.status, text);
    const answer = (parsed(text) ?? {}) as { id?: string; ignored?: string };
    const head = `POST ${url}: ${response.status} in ${milliseconds} ms\n`;
    const facts = { url, event, status: response.status, milliseconds };
    if (answer.id === undefined)
      return call.print(
        { ...facts, ...answer },
        () => `${head}not wanted by this webhook: ${answer.ignored ?? text}\n`,
      );
    const sent = await sentMessage(call, webhook, answer.id as MessageId);
    await call.print(
      { ...facts, ...answer, receipts: sent?.receipts ?? [] },
      (look) =>
        head + (sent === undefined ? `message ${answer.id}\n` : receiptsText(sent, look) + nobody(sent)),
    );
  },
};

function nobody({ receipts }: Output<'receipts'>['messages'][number]): string {
  return receipts.length > 0 ? '' : '  to nobody: no one is in that topic\n';
}

async function sentMessage({ world }: Call, webhook: Parameters<typeof actingFor>[0], id: MessageId) {
  const client = await openAs(world, actingFor(webhook));
  try {
    return (await client.operations.receipts({ id })).messages[0];
  } finally {
    await client.close();
  }
}

async function post(url: string, { headers, body }: ReturnType<typeof sampleOf>): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    return await fetch(url, { method: 'POST', headers: { ...headers }, body, redirect: 'manual', signal });
  } catch (error) {
    throw new Failure(
      'daemon_unavailable',
      `nobody takes posts at ${url}: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: 'ipc serve',
        cause: error,
      },
    );
  }
}

function urlOf({ values, world }: Call, name: string): string {
  const asked = values.text('url');
  if (asked === undefined) return hookUrl(world.environment, name);
  const url = URL.parse(/^https?:\/\//.test(asked) ? asked : `http://${asked}`);
  if (url === null)
    throw new Failure('invalid', `wanted a URL, found ${JSON.stringify(asked)}`, {
      hint: 'ipc help webhook test',
    });
  if (url.pathname === '/') url.pathname = `/hooks/${name}`;
  return url.href;
}

/** What the server said, in its words when they are ours. */
function refused(url: string, status: number, text: string): Failure {
  const problem = (parsed(text) ?? {}) as { code?: string; detail?: string; hint?: string };
  const code = problem.code !== undefined && isFailureCode(problem.code) ? problem.code : 'not_allowed';
  const why = problem.detail ?? (text.slice(0, 200) || 'no reason given');
  return new Failure(code, `POST ${url}: ${status}: ${why}`, {
    hint: problem.hint ?? 'ipc serve',
    details: { status },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
