/**
 * Notices of the desktop: who shows them, and of what. One stream of a home has the turn; when it goes,
 * the next has it. What was shown is kept with the message (`offered(notice)`), so neither another
 * notifier nor a restart shows it again (defect R11).
 */
import { Failure } from '../protocol/failures.ts';
import type { Door, MessageId } from '../protocol/model.ts';
import { NOTICE_PREVIEW } from '../protocol/operations/notices.ts';
import type { Handlers, Output } from '../protocol/operations.ts';
import type { Desk } from './desk.ts';
import type { AgentId, AgentProfile } from './records/agents.ts';
import type { Cursor, StoredDelivery } from './records/reading.ts';
import type { Session } from './session.ts';
import { Hints } from './wake.ts';

/** Another door may hand a message over at once, and a burst is one notice. */
const GATHER_MS = 1_000;
/** At most one notice in so long. */
const REST_MS = 2_000;
/** Messages of one mailbox in one notice. */
const PAGE = 200;
/** These need the model or the person to look; every other open door shows a message by itself. */
const NOT_PUSHED: ReadonlySet<Door> = new Set(['tool', 'hook', 'http', 'notice']);

/** The notifiers in the order they came; the first has the turn. */
export class NotifierTurns {
  readonly #waiting: { readonly session: Session; readonly begin: () => void }[] = [];
  /** What each one that had the turn was given to show. */
  readonly #given = new WeakMap<Session, Map<string, AgentId>>();

  /** Resolves when it is this session's turn, or it gave up. */
  async take(session: Session, signal: AbortSignal | undefined): Promise<Disposable> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const place = { session, begin: resolve };
    this.#waiting.push(place);
    const leave = (): void => {
      const index = this.#waiting.indexOf(place);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
      this.#waiting[0]?.begin();
    };
    signal?.addEventListener('abort', () => {
      leave();
      resolve();
    });
    if (signal?.aborted === true) leave();
    else if (this.#waiting[0] !== place) await promise;
    return { [Symbol.dispose]: leave };
  }

  give(session: Session, deliveries: readonly { readonly id: string; readonly agent: AgentId }[]): void {
    const given = this.#given.get(session) ?? new Map<string, AgentId>();
    for (const { id, agent } of deliveries) given.set(`${agent} ${id}`, agent);
    this.#given.set(session, given);
  }

  /** Whether all of these were given to it to be shown to this agent. */
  gave(session: Session, agent: AgentId, ids: readonly string[]): boolean {
    const given = this.#given.get(session);
    return ids.every((id) => given?.has(`${agent} ${id}`) === true);
  }

  shown(session: Session, agent: AgentId, ids: readonly string[]): void {
    for (const id of ids) this.#given.get(session)?.delete(`${agent} ${id}`);
  }
}

export function noticeHandlers(desk: Desk, session: Session): Pick<Handlers, 'noticed' | 'notices'> {
  return {
    notices: (_request, { signal }) => notices(desk, session, signal),
    noticed: async ({ to, ids }) => {
      const now = desk.clock.now();
      const profile = (await desk.store.agents({ name: null, now })).find(({ name }) => name === to);
      if (profile === undefined || !desk.turns.gave(session, profile.id, ids))
        throw new Failure('not_allowed', `this session was not asked to tell anybody of these for ${to}`);
      const done = await desk.store.confirm({
        agent: profile.id,
        reader: session.id,
        door: 'notice',
        stage: 'offered',
        deliveries: ids.map((id) => ({ id, attempt: 0 })),
        now,
      });
      desk.turns.shown(session, profile.id, ids);
      return { offered: done.confirmed.length };
    },
  };
}

async function* notices(
  desk: Desk,
  session: Session,
  signal: AbortSignal | undefined,
): AsyncIterable<Output<'notices'>> {
  using _turn = await desk.turns.take(session, signal);
  using hints = new Hints({ wake: desk.wake, clock: desk.clock, agent: null, signal });
  // A notice that could not be shown is not shown again by the same notifier (defect R3).
  const after = new Map<AgentId, Cursor>();
  while (!hints.aborted) {
    const news = await toTell(desk, after);
    if (news.length > 0) {
      desk.turns.give(
        session,
        news.map(({ agent, delivery }) => ({ id: delivery.message.id, agent })),
      );
      yield { messages: news.map(({ delivery }) => noticeOf(delivery)) };
      await pause(desk, REST_MS, signal);
    }
    await hints.next(Number.MAX_SAFE_INTEGER);
    await pause(desk, GATHER_MS, signal);
  }
}

interface News {
  readonly agent: AgentId;
  readonly delivery: StoredDelivery;
}

async function toTell(desk: Desk, after: Map<AgentId, Cursor>): Promise<readonly News[]> {
  const [now, mono] = [desk.clock.now(), desk.clock.mono()];
  const news: News[] = [];
  for (const profile of await desk.store.agents({ name: null, beside: [], now })) {
    if (!concernsPerson(profile, now)) continue;
    const { id: agent } = profile;
    const look = { agent, lease: null, limit: PAGE, bytes: Number.MAX_SAFE_INTEGER, unproven: null };
    const filter = { from: null, thread: null, replyTo: null, after: after.get(agent) ?? 0, now, mono };
    const by = 'person' as const;
    const { deliveries } = await desk.store.fetch({ ...look, ...filter, by }, desk.compose);
    for (const delivery of deliveries) {
      after.set(agent, delivery.cursor);
      if (!delivery.imported && !delivery.offeredBy.includes('notice')) news.push({ agent, delivery });
    }
  }
  return news;
}

/**
 * A person's own mail, and that of a session that nothing wakes: the person must ask it to look. A
 * session with hooks looks by itself while it works.
 */
function concernsPerson({ kind, waiting, pausedUntil, sessions }: AgentProfile, now: number): boolean {
  if (waiting === 0 || (pausedUntil !== null && pausedUntil > now)) return false;
  if (sessions.some(({ doors }) => doors.some((door) => !NOT_PUSHED.has(door)))) return false;
  if (kind === 'human') return true;
  const holders = sessions.filter(({ role }) => role === 'holder');
  const working = holders.some(({ doors, idle }) => doors.includes('hook') && !idle);
  return kind === 'agent' && holders.length > 0 && !working;
}

function noticeOf({ message, recipient }: StoredDelivery): Output<'notices'>['messages'][number] {
  return {
    id: message.id as MessageId,
    to: recipient,
    from: message.from.name,
    sentAt: new Date(message.sentAt).toISOString(),
    preview: Array.from(message.body.slice(0, 2 * NOTICE_PREVIEW))
      .slice(0, NOTICE_PREVIEW)
      .join(''),
  };
}

async function pause(desk: Desk, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const callOff = desk.clock.after(milliseconds, resolve);
  signal?.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  callOff();
}
