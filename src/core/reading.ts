/** check, confirm, ack, clear, watch: what a reader is handed, and what may be claimed of it. */
import type { Door, MessageId } from '../protocol/model.ts';
import { parseAddress, parseOwnName } from '../protocol/names.ts';
import { Failure } from '../protocol/failures.ts';
import type { Handlers, Output, Request, StreamOptions } from '../protocol/operations.ts';
import { Hints } from './wake.ts';
import { cursorOf } from './cursor.ts';
import type { Fetch, Fetched } from './records/reading.ts';
import type { Desk } from './desk.ts';
import { noteLease, type Session } from './session.ts';
import { deliveredView, pausedView } from './view.ts';

type Reading = 'ack' | 'check' | 'clear' | 'confirm' | 'watch';

/** Messages in one answer when the caller sets no limit; an answer must fit into one frame. */
const PAGE = 1_000;
const WATCH_PAGE = 100;
/** How far back a hook looks for proof of what was handed over, and for how many (contexts are compacted). */
const UNPROVEN_MS = 86_400_000;
const UNPROVEN_PAGE = 50;

export function readingHandlers(desk: Desk, session: Session): Pick<Handlers, Reading> {
  const now = (): number => desk.clock.now();
  return {
    ack: async ({ ids }) => {
      const { acked, unknown } = await desk.store.ack({ agent: session.acting().id, ids, now: now() });
      if (acked.length === 0)
        throw new Failure(
          'no_such_message',
          `none of these was sent to ${session.acting().name}: ${unknown.join(', ')}`,
        );
      return { acked: [...acked] as MessageId[], unknown: [...unknown] as MessageId[] };
    },
    check: async (request, { signal }) => check(desk, session, request, signal),
    clear: async () => desk.store.clear({ agent: session.acting().id, now: now() }),
    confirm: async ({ reader, door, stage, deliveries }) => {
      const done = await desk.store.confirm({
        agent: session.acting().id,
        reader,
        door,
        stage,
        deliveries,
        now: now(),
      });
      session.settled(reader, [...done.confirmed, ...done.lost]);
      return { confirmed: done.confirmed.length, lost: [...done.lost] as MessageId[] };
    },
    watch: (request, options) => watch(desk, session, request, options),
  };
}

async function check(
  desk: Desk,
  session: Session,
  request: Request<'check'>,
  signal: AbortSignal | undefined,
): Promise<Output<'check'>> {
  const agent = session.acting();
  const policy = desk.policy();
  // A hook is a command of its own; what it shows of its agent is that the session there runs hooks.
  if (request.door === 'hook' && !session.borrowed) await desk.presence.keepOpen(agent.id, 'hook');
  const peeked = request.peek === true || (request.take !== true && (await heldByAnother(desk, session)));
  const deadline = desk.clock.mono() + (request.wait ?? 0) * 1000;
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent: agent.id, signal });
  const waiting = request.wait !== undefined && request.wait > 0;
  const close = waiting ? await desk.presence.open(agent.id, session.seat('satellite'), request.door) : null;
  try {
    for (;;) {
      // Given up while it waited: nothing may be leased for nobody.
      if (hints.aborted) throw new Failure('interrupted', 'the check was given up');

      const fetched = await desk.store.fetch(
        { ...fetchOf(desk, { request, agent: agent.id, peeked, policy }), ...lookedBy(session) },
        desk.compose,
      );
      const done = fetched.deliveries.length > 0 || !waiting || desk.clock.mono() >= deadline;
      if (done) return await handedOver(desk, session, { request, fetched, peeked });
      await hints.next(deadline - desk.clock.mono());
    }
  } finally {
    await close?.();
  }
}

/** `--as bob` beside bob's own live session only looks (design §5). */
async function heldByAnother(desk: Desk, session: Session): Promise<boolean> {
  if (!session.borrowed) return false;
  await desk.presence.settle();
  const [profile] = await desk.store.agents({ name: session.acting().name, now: desk.clock.now() });
  if (profile === undefined) return false;
  const held = profile.sessions.some((other) => other.role === 'holder' && other.id !== session.id);
  return held || (profile.anchor !== null && desk.processes.alive(profile.anchor));
}

/** A person who looks into an agent's mailbox (`--as`) puts nothing before the agent. */
function lookedBy({ caller }: Session): Pick<Fetch, 'by'> {
  return caller.kind === 'human' ? { by: 'person' } : {};
}

function fetchOf(
  desk: Desk,
  {
    request,
    agent,
    peeked,
    policy,
  }: {
    request: Request<'check'>;
    agent: Fetch['agent'];
    peeked: boolean;
    policy: ReturnType<Desk['policy']>;
  },
): Fetch {
  const { mono, now } = { mono: desk.clock.mono(), now: desk.clock.now() };
  return {
    agent,
    lease: peeked
      ? null
      : { reader: request.reader, until: mono + policy.leaseMs, maxAttempts: policy.maxAttempts },
    limit: request.limit ?? PAGE,
    bytes: request.bytes,
    from: request.from === undefined ? null : senderName(request.from),
    thread: request.thread ?? null,
    replyTo: null,
    after: request.after === undefined ? 0 : cursorOf(request.after),
    unproven: request.unproven === true ? { since: now - UNPROVEN_MS, limit: UNPROVEN_PAGE } : null,
    now,
    mono,
  };
}

async function handedOver(
  desk: Desk,
  session: Session,
  { request, fetched, peeked }: { request: Request<'check'>; fetched: Fetched; peeked: boolean },
): Promise<Output<'check'>> {
  const last = fetched.deliveries.at(-1);
  const ids = fetched.deliveries.map((delivery) => delivery.message.id);
  if (!peeked) await noteLease(desk, session, request.reader, ids);
  return {
    messages: fetched.deliveries.map((delivery) => deliveredView(delivery, desk.blobs)),
    remaining: fetched.remaining,
    held: fetched.held,
    peeked,
    ...pausedView(fetched.pausedUntil),
    ...(last === undefined ? {} : { next: String(last.cursor) }),
    ...(request.unproven === true ? { unproven: unprovenView(fetched) } : {}),
  };
}

function unprovenView({ unproven }: Fetched): { id: MessageId; door: Door }[] {
  return unproven.map(({ id, door }) => ({ id: id as MessageId, door }));
}

async function* watch(
  desk: Desk,
  session: Session,
  request: Request<'watch'>,
  { signal, begin }: StreamOptions,
): AsyncIterable<Output<'watch'>> {
  const agent = session.viewer(request.everyone);
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent, signal });
  const start = await desk.store.frontier();
  // A cursor that is still to come was made by another store (a backup took its place): it would hide all
  // that comes before it.
  let after =
    request.after !== undefined
      ? Math.min(cursorOf(request.after), start)
      : request.unread === true
        ? 0
        : start;
  // Before its door is seen to be open: what is sent to that door must not be missed.
  begin?.(String(after));
  const close =
    agent === null ? null : await desk.presence.open(agent, session.seat('satellite'), request.door);
  try {
    while (!hints.aborted) {
      const unreadOnly = request.unread === true && after < start;
      const arrived = await desk.store.arrivals({
        agent,
        after,
        limit: WATCH_PAGE,
        unreadOnly,
        ...lookedBy(session),
        now: desk.clock.now(),
      });
      for (const delivery of arrived) {
        after = delivery.cursor;
        yield {
          cursor: String(after),
          recipient: delivery.recipient,
          message: deliveredView(delivery, desk.blobs),
        };
      }
      if (arrived.length > 0) continue;
      after = Math.max(after, unreadOnly ? start : after);
      await hints.next(Number.MAX_SAFE_INTEGER);
    }
  } finally {
    await close?.();
  }
}

function senderName(text: string): Fetch['from'] {
  // Notices come from `system`, a name nobody may take but anybody may filter by.
  const address = parseAddress(text);
  return address.kind === 'agent' ? address.name : parseOwnName(text);
}
