/**
 * `POST /hooks/<name>`: raw bytes once, proven, stored, then 202 with the message's id (interfaces of
 * webhook senders: a status within seconds, a repeat after anything but 2xx, the same id in every
 * attempt). A repeat gets the same answer, because the id is made from what the sender calls the delivery.
 */
import { Failure, failures } from '../../protocol/failures.ts';
import { nameKey } from '../../protocol/names.ts';
import type { Output } from '../../protocol/operations.ts';
import { derivedId, messageId } from '../../system/ids.ts';
import type { Paths } from '../../system/paths.ts';
import { unstage } from '../../system/staging.ts';
import { changeWebhook, webhookReader, type Found, type Webhook } from '../../system/webhooks.ts';
import type { Context } from '../context.ts';
import { failureOf, HttpFailure } from '../problem.ts';
import { cloudEventOf } from './cloud-event.ts';
import { contentOf, type Content, type Post } from './content.ts';
import { Deadline } from './deadline.ts';
import { textAt } from './fields.ts';
import { mediaTypeOf, payloadOf, wantKnownType } from './payload.ts';
import { prove } from './signature.ts';

export const HOOKS = '/hooks/';
export const hookMethods = ['POST', 'OPTIONS'] as const;
/** GitHub's own cap on a payload. */
export const HOOK_BODY_BYTES = 25 * 1_048_576;
/** GitHub gives up after ten seconds. */
const ANSWER_MS = 8_000;
const FULL_SECONDS = 60;
const DOWN_SECONDS = 5;

const deadline = new Deadline(ANSWER_MS);
const readers = new WeakMap<Paths, (name: string) => Found>();

export async function handleHook(request: Request, context: Context): Promise<Response> {
  const webhook = find(context);
  if (request.method === 'OPTIONS') return handshake(request);
  try {
    return await receive(webhook, request, context);
  } catch (error) {
    // Whoever sets it up at the sender's looks here for why: none of it is secret.
    const { code, message } = failureOf(error);
    context.log('webhook', { name: webhook.name, refused: code, why: message });
    throw error;
  }
}

async function receive(webhook: Webhook, request: Request, context: Context): Promise<Response> {
  wantKnownType(request.headers, webhook.verify.scheme);
  const bytes = await context.body(HOOK_BODY_BYTES);
  const post = proven(webhook, request, { context, bytes });
  if (!isWanted(post)) return accepted(200, { ignored: `event ${post.event ?? 'without a name'}` });
  const id = post.id === undefined ? messageId() : derivedId('webhook', webhook.id, post.id);
  await store(context, post, id);
  return accepted(202, { id });
}

/** Throws 404, or 410 for one that was removed, whose senders are to stop. */
function find(context: Context): Webhook {
  const { paths, url } = context;
  const read = readers.get(paths) ?? webhookReader(paths);
  readers.set(paths, read);
  const found = readWith(read, url.pathname.slice(HOOKS.length));
  if (typeof found !== 'string') return found;
  context.limitAddress();
  const gone = found === 'removed';
  throw new HttpFailure(
    new Failure('no_such_agent', gone ? 'this webhook was removed' : 'there is no webhook of this name', {
      hint: 'ipc webhook list',
    }),
    gone ? { status: 410 } : {},
  );
}

/** What this home's own file lacks is not the sender's to know. */
function readWith(read: (name: string) => Found, name: string): Found {
  try {
    return read(name);
  } catch (error) {
    const why = 'the definition of this webhook cannot be read; the log of this server says why';
    throw new Failure('internal', why, { hint: 'ipc webhook list', cause: error });
  }
}

/** Throws 401, 400. Guesses count against their address; what is proven does not. */
function proven(
  webhook: Webhook,
  { headers }: Request,
  { context, bytes }: { context: Context; bytes: Uint8Array },
): Post {
  const type = mediaTypeOf(headers);
  const { scheme } = webhook.verify;
  let proof;
  try {
    proof = prove(webhook, headers, bytes, context.now());
  } catch (error) {
    context.limitAddress();
    throw error;
  }
  if (bytes.length === 0 && headers.get('ce-id') === null)
    throw new HttpFailure(
      new Failure('malformed', 'wanted a body, found an empty one', { hint: 'ipc help webhook add' }),
    );
  const payload = payloadOf(bytes, type, scheme);
  const json = payload.kind === 'json' ? payload.json : undefined;
  const cloud = scheme === 'github' ? undefined : cloudEventOf(headers, type, json);
  const named = cloud === undefined ? undefined : JSON.stringify(cloud.identity);
  const event =
    scheme === 'github'
      ? (headers.get('x-github-event') ?? undefined)
      : (cloud?.type ?? (scheme === 'standard' ? textAt(json, 'type') : undefined));
  return { webhook, bytes, type, payload, id: proof.id ?? named, event, cloud };
}

/** By `push`, `pull_request.opened`, `invoice.*`. */
function isWanted({ webhook, event, payload }: Post): boolean {
  const { events } = webhook;
  if (events === undefined) return true;
  if (event === undefined) return false;
  const action =
    webhook.verify.scheme === 'github' && payload.kind === 'json'
      ? textAt(payload.json, 'action')
      : undefined;
  const names = action === undefined ? [event] : [event, `${event}.${action}`];
  return events.some((wanted) =>
    names.some((name) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted)),
  );
}

async function store(context: Context, post: Post, id: string): Promise<void> {
  const { paths } = context;
  let content: Content | undefined;
  let sent: Output<'send'>;
  try {
    content = await contentOf(paths, post);
    sent = await send(context, post, { content, id });
  } catch (error) {
    // What the daemon did not take over lies in the staging folder.
    for (const blob of [content?.bodyBlob, ...(content?.attachments ?? [])])
      if (blob !== undefined) unstage(paths, blob);
    // The same delivery with other content: answered as the first was.
    if (failureOf(error).code === 'conflict') return;
    throw unavailable(error);
  }
  if (sent.deliveries.some(({ forwarded }) => forwarded)) await follow(context, post.webhook, sent);
  const [first] = sent.deliveries;
  if (first !== undefined && sent.deliveries.every(({ state }) => state === 'refused'))
    throw new HttpFailure(
      new Failure('not_allowed', `${first.to}: ${first.reason ?? 'refused'}`, { hint: 'ipc webhook list' }),
    );
}

/** Its recipient has another name now, and the old one leads there for two hours only. */
async function follow(context: Context, { name, id }: Webhook, sent: Output<'send'>): Promise<void> {
  const moved = new Map(
    sent.deliveries.filter(({ forwarded }) => forwarded).map(({ asked, to }) => [nameKey(asked), to]),
  );
  const following = changeWebhook(context.paths, name, async (found) => {
    if (typeof found === 'string' || found.id !== id) return { answer: undefined };
    const to = found.to.map((each) => moved.get(nameKey(each)) ?? each);
    return { next: { ...found, to }, answer: undefined };
  });
  // The message is stored: what fails here is tried again by the next one.
  await following.catch((error: unknown) =>
    context.log('webhook', { name, failed: 'to follow a rename', why: failureOf(error).message }),
  );
}

async function send(
  context: Context,
  { webhook }: Post,
  { content, id }: { content: Content; id: string },
): Promise<Output<'send'>> {
  const { name, key, to, verify } = webhook;
  // A token can be copied from one request and tells nothing of the bytes it came with.
  const unverified = verify.scheme === 'bearer' ? { unverified: true as const } : {};
  const opening = { agent: name, kind: 'webhook' as const, client: verify.scheme, key, ...unverified };
  // Whoever hangs up has said all, and will ask again what became of it: so the call is not given up.
  const sending = context.use(opening, (operations) => operations.send({ ...content, id, to: [...to] }));
  return deadline.within(sending);
}

/** What only a mistake of ours can lead to. */
const OURS = /^(?:internal|invalid|invalid_name|malformed|too_large|unknown_operation)$/;

/** Once it is proven, what fails is never the sender's fault: 429 or 503, and when to come again. */
function unavailable(error: unknown): unknown {
  const failure = failureOf(error);
  const { http, retry } = failures[failure.code];
  if (http === 429) return error;
  if (OURS.test(failure.code)) {
    const said = `the message could not be stored: ${failure.message}`;
    return new HttpFailure(new Failure('internal', said, { cause: error }));
  }
  // A full mailbox must be read first; a daemon that cannot start, or an agent removed by hand, mended.
  const soon = retry && failure.code !== 'mailbox_full';
  return new HttpFailure(failure, { status: 503, retryAfter: soon ? DOWN_SECONDS : FULL_SECONDS });
}

/** CloudEvents' validation handshake: a sender asks whether it may deliver here. */
function handshake(request: Request): Response {
  const origin = request.headers.get('webhook-request-origin') ?? '';
  if (!/^[\w.:*-]{1,255}$/.test(origin))
    return new Response(null, { status: 204, headers: { allow: hookMethods.join(', ') } });
  const headers = {
    'webhook-allowed-origin': origin,
    'webhook-allowed-rate': '*',
    allow: hookMethods.join(', '),
  };
  return new Response(null, { status: 200, headers });
}

function accepted(status: 200 | 202, body: Readonly<Record<string, string>>): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}
