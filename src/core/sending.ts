/** send, reply, ask, cancel: from a request to a posting, and from what was posted to a truthful answer. */
import { Failure } from '../protocol/failures.ts';
import type { BlobRef, MessageId } from '../protocol/model.ts';
import { parseAddress, type Address } from '../protocol/names.ts';
import type { Handlers, Output, Request } from '../protocol/operations.ts';
import { Hints } from './bus.ts';
import { heldNotice } from './notices.ts';
import type { PostedTo, Posting } from './ports.ts';
import { granted, type Desk, type Session } from './session.ts';
import { deliveredView, openDoors, presenceOf } from './view.ts';

type Sent = Output<'send'>;
type Content = Pick<
  Request<'send'>,
  | 'id'
  | 'body'
  | 'bodyBlob'
  | 'data'
  | 'attachments'
  | 'priority'
  | 'expiresIn'
  | 'expiresAt'
  | 'notBefore'
  | 'intent'
> &
  Partial<Pick<Request<'send'>, 'thread' | 'forwardOf' | 'go'>>;

interface Target {
  readonly to: readonly Address[];
  readonly replyTo: Posting['replyTo'];
  readonly answers: boolean;
}

/** A message that goes to people and agents at large never runs on a kernel (design §5). */
const REACHED_BY_ALL = ['human', 'agent'] as const;

export function sendingHandlers(
  desk: Desk,
  session: Session,
): Pick<Handlers, 'ask' | 'cancel' | 'reply' | 'send'> {
  return {
    ask: async ({ timeout, reader, ...request }, { signal }) => {
      const sent = await post(desk, session, { ...request, intent: 'request' }, direct(session, request));
      const answer = await awaitAnswer(desk, session, {
        id: sent.id,
        reader,
        timeoutMs: timeout * 1000,
        signal,
      });
      return answer === undefined ? { sent } : { sent, answer };
    },
    cancel: async ({ id }) => {
      const step = { sender: session.acting().id, id, now: desk.clock.now() };
      const { cancelled, late } = granted(await desk.store.cancel(step));
      return { id, cancelled: [...cancelled], late: [...late] };
    },
    reply: async ({ message, ...request }) =>
      post(desk, session, request, { to: [], replyTo: message ?? 'last', answers: true }),
    send: async (request) => post(desk, session, request, direct(session, request)),
  };
}

function direct(session: Session, request: Pick<Request<'send'>, 'to' | 'replyTo'>): Target {
  const to = request.to.map((text) =>
    parseAddress(text.toLowerCase() === 'me' ? session.acting().name : text),
  );
  return { to, replyTo: request.replyTo ?? null, answers: false };
}

async function post(desk: Desk, session: Session, request: Content, target: Target): Promise<Sent> {
  const sender = session.acting();
  const now = desk.clock.now();
  const policy = desk.policy();
  const id = request.id ?? desk.ids.message();
  const guarded = session.kind === 'agent';
  if (guarded) {
    const content = JSON.stringify([
      target,
      request.body,
      request.bodyBlob?.sha256,
      request.data,
      request.attachments,
      request.forwardOf,
    ]);
    desk.guard.admit(sender.id, { id, content }, policy.guard);
  }
  const bodyBlob = request.bodyBlob === undefined ? null : await adopt(desk, request.bodyBlob);
  const attachments = [];
  for (const { name, role, ...staged } of request.attachments ?? [])
    attachments.push({ ...(await adopt(desk, staged)), name, role });

  const notBefore = request.notBefore === undefined ? null : Date.parse(request.notBefore);
  const expiresAt = expiry(request, { from: Math.max(now, notBefore ?? now) });
  const posted = granted(
    await desk.post({
      id,
      sender: sender.id,
      provenance: {
        kind: session.kind,
        verified: true,
        client: session.caller.client,
        directory: session.caller.directory ?? null,
      },
      ...target,
      body: request.body,
      bodyBlob,
      data: request.data === undefined ? null : JSON.stringify(request.data),
      attachments,
      thread: request.thread ?? null,
      forwardOf: request.forwardOf ?? null,
      intent: request.intent,
      priority: request.priority,
      notBefore,
      expiresAt,
      all: {
        kinds: REACHED_BY_ALL,
        seenSince: now - policy.allSeenMs,
        limit: guarded && request.go !== true ? policy.guard.fanOut : Number.POSITIVE_INFINITY,
      },
      limits: { ...policy.quotas, depth: policy.guard.depth },
      unbornExpiresAt: now + policy.unbornMs,
      heldNotice: guarded
        ? heldNotice(desk.ids, {
            sender: sender.id,
            name: sender.name,
            messageId: id,
            depth: policy.guard.depth,
            now,
          })
        : null,
      now,
    }),
  );
  desk.wake.publish(posted.wake);
  const unbornUntil = posted.deliveries.some((to) => to.unborn) ? now + policy.unbornMs : Infinity;
  const dueAt = Math.min(notBefore ?? Infinity, expiresAt ?? Infinity, unbornUntil);
  if (Number.isFinite(dueAt)) desk.due(dueAt);
  return {
    id: id as MessageId,
    thread: posted.thread,
    duplicate: posted.duplicate,
    deliveries: posted.deliveries.map((to) => sentTo(desk, to)),
  };
}

async function adopt(desk: Desk, staged: Parameters<Desk['blobs']['adopt']>[0]): Promise<BlobRef> {
  return granted(await desk.blobs.adopt(staged)).blob;
}

function expiry(request: Content, { from }: { from: number }): number | null {
  if (request.expiresAt !== undefined && request.expiresIn !== undefined) {
    throw new Failure('invalid_data', 'wanted expiresIn or expiresAt, found both');
  }
  if (request.expiresAt !== undefined) return Date.parse(request.expiresAt);
  return request.expiresIn === undefined ? null : from + request.expiresIn * 1000;
}

function sentTo(desk: Desk, to: PostedTo): Sent['deliveries'][number] {
  const facts = { sessions: to.sessions, anchor: to.anchor, unborn: to.unborn, seenAt: null };
  return {
    to: to.name,
    asked: to.asked,
    state: to.state,
    ...(to.reason === null ? {} : { reason: to.reason }),
    presence: presenceOf(facts, { now: desk.clock.now(), processes: desk.processes }),
    doors: openDoors(to.sessions),
    forwarded: to.forwarded,
  };
}

/** The first reply to a request, leased to its asker; undefined when the time runs out. */
async function awaitAnswer(
  desk: Desk,
  session: Session,
  wait: { id: string; reader: string; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<ReturnType<typeof deliveredView> | undefined> {
  const agent = session.acting().id;
  const policy = desk.policy();
  const deadline = desk.clock.mono() + wait.timeoutMs;
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent, signal: wait.signal });
  while (!hints.aborted) {
    const mono = desk.clock.mono();
    const fetched = await desk.store.fetch(
      {
        agent,
        lease: { reader: wait.reader, until: mono + policy.leaseMs, maxAttempts: policy.maxAttempts },
        limit: 1,
        bytes: Number.MAX_SAFE_INTEGER,
        from: null,
        thread: null,
        replyTo: wait.id,
        after: 0,
        now: desk.clock.now(),
        mono,
      },
      desk.compose,
    );
    const [answer] = fetched.deliveries;
    if (answer !== undefined) {
      session.leased(wait.reader, [answer.message.id]);
      return deliveredView(answer, desk.blobs);
    }
    const left = deadline - desk.clock.mono();
    if (left <= 0) return undefined;
    await hints.next(left);
  }
  return undefined;
}
