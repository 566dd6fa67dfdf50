/** check, confirm, ack, clear, watch and the past: what a reader gets, and what may be claimed of it. */
import type { MessageId } from '../protocol/model.ts';
import { parseAddress, parseOwnName } from '../protocol/names.ts';
import { Failure } from '../protocol/failures.ts';
import type { Handlers, Output, Request } from '../protocol/operations.ts';
import { Hints } from './bus.ts';
import type { Fetch, Fetched, PastQuery, PastRecord } from './records.ts';
import { granted, type Desk, type Session } from './session.ts';
import { deliveredView, instant, pastView, pausedView, receiptView } from './view.ts';

type Reading = 'ack' | 'check' | 'clear' | 'confirm' | 'export' | 'history' | 'receipts' | 'search' | 'watch';

/** Messages in one answer when the caller sets no limit; an answer must fit into one frame. */
const PAGE = 1_000;
const WATCH_PAGE = 100;
const EXPORT_PAGE = 200;
const FIRST_LINE = 120;

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
    export: (request, { signal }) => everything(desk, session, request, signal),
    history: async (request) => history(desk, session, request),
    receipts: async ({ id, limit }) => {
      const query = { ...mine(session.acting().id), id: id ?? null, sentByViewer: id === undefined, limit };
      const records = await desk.store.past(query);
      if (id !== undefined && records.length === 0) throw noSuchMessage(id);
      return { messages: records.map(receiptsOf).reverse() };
    },
    search: async ({ query, limit, everyone }) => {
      const viewer = session.viewer(everyone);
      const { found } = granted(await desk.store.search({ viewer, text: query, limit }));
      const you = session.agent?.id ?? null;
      return {
        messages: found.map((record) => ({
          ...pastView(record, you, desk.blobs),
          snippet: record.snippet ?? '',
        })),
      };
    },
    watch: (request, { signal }) => watch(desk, session, request, signal),
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
  const peeked = request.peek === true || (request.take !== true && (await heldByAnother(desk, session)));
  const deadline = desk.clock.mono() + (request.wait ?? 0) * 1000;
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent: agent.id, signal });
  const waiting = request.wait !== undefined && request.wait > 0;
  const seat = session.seat('satellite', [request.door]);
  if (waiting) await desk.presence.door(seat, { open: request.door });
  try {
    for (;;) {
      const fetched = await desk.store.fetch(
        fetchOf(desk, { request, agent: agent.id, peeked, policy }),
        desk.compose,
      );
      const done =
        fetched.deliveries.length > 0 || !waiting || hints.aborted || desk.clock.mono() >= deadline;
      if (done) return handedOver(desk, session, { request, fetched, peeked });
      await hints.next(deadline - desk.clock.mono());
    }
  } finally {
    if (waiting) await desk.presence.door(seat, { close: request.door });
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
  const mono = desk.clock.mono();
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
    now: desk.clock.now(),
    mono,
  };
}

function handedOver(
  desk: Desk,
  session: Session,
  { request, fetched, peeked }: { request: Request<'check'>; fetched: Fetched; peeked: boolean },
): Output<'check'> {
  const last = fetched.deliveries.at(-1);
  if (!peeked)
    session.leased(
      request.reader,
      fetched.deliveries.map((delivery) => delivery.message.id),
    );
  return {
    messages: fetched.deliveries.map((delivery) => deliveredView(delivery, desk.blobs)),
    remaining: fetched.remaining,
    held: fetched.held,
    peeked,
    ...pausedView(fetched.pausedUntil),
    ...(last === undefined ? {} : { next: String(last.cursor) }),
  };
}

async function* watch(
  desk: Desk,
  session: Session,
  request: Request<'watch'>,
  signal: AbortSignal | undefined,
): AsyncIterable<Output<'watch'>> {
  const agent = session.viewer(request.everyone);
  const seat = session.seat('satellite', [request.door]);
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent, signal });
  const start = await desk.store.frontier();
  let after = request.after !== undefined ? cursorOf(request.after) : request.unread === true ? 0 : start;
  if (agent !== null) await desk.presence.door(seat, { open: request.door });
  try {
    while (!hints.aborted) {
      const unreadOnly = request.unread === true && after < start;
      const arrived = await desk.store.arrivals({
        agent,
        after,
        limit: WATCH_PAGE,
        unreadOnly,
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
    if (agent !== null) await desk.presence.door(seat, { close: request.door });
  }
}

function mine(viewer: PastQuery['viewer']): PastQuery {
  return {
    viewer,
    id: null,
    with: null,
    thread: null,
    state: null,
    sentByViewer: false,
    before: null,
    after: null,
    limit: 1,
  };
}

async function history(
  desk: Desk,
  session: Session,
  request: Request<'history'>,
): Promise<Output<'history'>> {
  const viewer = session.viewer(request.everyone);
  const records = await desk.store.past({
    ...mine(viewer),
    id: request.id ?? null,
    with: request.with === undefined ? null : parseAddress(request.with),
    thread: request.thread ?? null,
    state: request.state ?? null,
    before: request.before === undefined ? null : cursorOf(request.before),
    limit: request.limit,
  });
  if (request.id !== undefined && records.length === 0) throw noSuchMessage(request.id);
  const you = session.agent?.id ?? null;
  const oldest = records.at(-1);
  const messages = records.map((record) => pastView(record, you, desk.blobs)).reverse();
  return oldest !== undefined && records.length === request.limit
    ? { messages, before: String(oldest.cursor) }
    : { messages };
}

async function* everything(
  desk: Desk,
  session: Session,
  request: Request<'export'>,
  signal: AbortSignal | undefined,
): AsyncIterable<Output<'export'>> {
  const viewer = session.viewer(request.everyone);
  const you = session.agent?.id ?? null;
  let after = request.after === undefined ? 0 : cursorOf(request.after);
  while (signal?.aborted !== true) {
    const page = await desk.store.past({ ...mine(viewer), after, limit: EXPORT_PAGE });
    for (const record of page) {
      after = record.cursor;
      yield { ...pastView(record, you, desk.blobs), cursor: String(after) };
    }
    if (page.length < EXPORT_PAGE) return;
  }
}

function receiptsOf(record: PastRecord): Output<'receipts'>['messages'][number] {
  const { message } = record;
  return {
    id: message.id as MessageId,
    from: message.from.name,
    to: [...message.to],
    sentAt: instant(message.sentAt),
    firstLine: (message.body.split('\n', 1)[0] ?? '').slice(0, FIRST_LINE),
    receipts: record.receipts.map(receiptView),
  };
}

function senderName(text: string): Fetch['from'] {
  // Notices come from `system`, a name nobody may take but anybody may filter by.
  const address = parseAddress(text);
  return address.kind === 'agent' ? address.name : parseOwnName(text);
}

function cursorOf(text: string): number {
  const cursor = Number(text);
  if (!Number.isSafeInteger(cursor) || cursor < 0)
    throw new Failure('invalid', `wanted a cursor from an earlier answer, found ${JSON.stringify(text)}`);
  return cursor;
}

function noSuchMessage(id: string): Failure {
  return new Failure('no_such_message', `no message ${id} among those you sent or were sent`);
}
