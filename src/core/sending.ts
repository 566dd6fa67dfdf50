/** send, reply, ask, cancel: from a request to a posting, and from what was posted to a truthful answer. */
import type { MessageId } from '../protocol/model.ts';
import { parseAddress } from '../protocol/names.ts';
import type { Handlers, Output, Request } from '../protocol/operations.ts';
import { Hints } from './wake.ts';
import type { Posted, PostedTo } from './records/sending.ts';
import { contentKey, lifetime, postingOf, type Content, type Target } from './posting.ts';
import type { Desk } from './desk.ts';
import { granted } from './outcome.ts';
import { noteLease, type Session } from './session.ts';
import { deliveredView, openDoors, presenceOf } from './view.ts';

type Sent = Output<'send'>;
export function sendingHandlers(
  desk: Desk,
  session: Session,
): Pick<Handlers, 'ask' | 'cancel' | 'reply' | 'send'> {
  return {
    ask: async ({ timeout, reader, ...request }, { signal }) => {
      const sent = await post(desk, session, { ...request, intent: 'request' }, direct(session, request));
      if (sent.deliveries.every(({ state }) => state === 'refused')) return { sent };
      const leave = await desk.presence.stay(session.acting().id, session.seat('satellite'));
      const answer = await awaitAnswer(desk, session, {
        id: sent.id,
        reader,
        timeoutMs: timeout * 1000,
        signal,
      });
      await leave();
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
  const full = desk.room?.();
  if (full !== undefined) throw full;
  const id = request.id ?? desk.ids.message();
  const posted = await pastTheGuard(desk, session, { id, content: contentKey(request, target) }, async () =>
    granted(await desk.post(await postingOf(desk, session, { id, request, target }))),
  );
  desk.wake.publish(posted.wake);
  const dueAt = firstDue(desk, request, posted);
  if (Number.isFinite(dueAt)) desk.due(dueAt);
  return {
    id: id as MessageId,
    thread: posted.thread,
    duplicate: posted.duplicate,
    deliveries: posted.deliveries.map((to) => sentTo(desk, to)),
  };
}

type Accepted = Pick<Extract<Posted, { ok: true }>, 'word' | 'duplicate' | 'deliveries'>;

/** Agents pass the loop guard first; what the store then refuses does not count as sent. */
async function pastTheGuard<T extends Accepted>(
  desk: Desk,
  session: Session,
  message: { readonly id: string; readonly content: string },
  send: () => Promise<T>,
): Promise<T> {
  if (session.kind !== 'agent') return send();
  const sender = session.acting().id;
  const limits = desk.policy().guard;
  desk.guard.admit(sender, message, limits);
  try {
    const posted = await send();
    const { word, duplicate, deliveries } = posted;
    if (!duplicate) desk.guard.sent(sender, { word, recipients: deliveries.length, limits });
    return posted;
  } catch (error) {
    desk.guard.forget(sender, message.id);
    throw error;
  }
}

function firstDue(desk: Desk, request: Content, posted: { deliveries: readonly PostedTo[] }): number {
  const now = desk.clock.now();
  const { notBefore, expiresAt } = lifetime(request, now);
  const unborn = posted.deliveries.some((to) => to.unborn) ? now + desk.policy().unbornMs : Infinity;
  return Math.min(notBefore ?? Infinity, expiresAt ?? Infinity, unborn);
}

function sentTo(desk: Desk, to: PostedTo): Sent['deliveries'][number] {
  const facts = { sessions: to.sessions, anchor: to.anchor, unborn: to.unborn, seenAt: to.seenAt };
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
        unproven: null,
        now: desk.clock.now(),
        mono,
      },
      desk.compose,
    );
    const [answer] = fetched.deliveries;
    if (answer !== undefined) {
      await noteLease(desk, session, wait.reader, [answer.message.id]);
      return deliveredView(answer, desk.blobs);
    }
    const left = deadline - desk.clock.mono();
    if (left <= 0) return undefined;
    await hints.next(left);
  }
  return undefined;
}
