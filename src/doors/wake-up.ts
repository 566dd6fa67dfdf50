/**
 * Wakes an idle session with what arrives, whichever way a door has of doing so: looks again and again at
 * what came until it is decided, tells few at a time, and claims no more than that it was offered. It may
 * not know how a door tells, nor when it should.
 */
import type { AgentView, Delivered, Door } from '../protocol/model.ts';
import type { Input, Operations } from '../protocol/operations.ts';
import { pause } from '../system/clock.ts';

export interface WokenSession {
  readonly operations: Pick<Operations, 'watch' | 'check' | 'whoami' | 'confirm'>;
  readonly reader: string;
}

/** A message that came and was not told yet. */
export interface Came {
  readonly message: Delivered;
  readonly at: number;
  /** Cursor of what came before it: from there on it is the first. Undefined: nothing did. */
  readonly after: string | undefined;
}

/** What is known of it now. */
export interface Pending {
  readonly message: Delivered;
  readonly unread: boolean;
  /** How long ago it came. */
  readonly age: number;
}

export interface Told<How> {
  readonly how: How;
  readonly came: Came;
}

export interface Waker<How extends string> {
  readonly door: Door;
  /** What is told no more, and looked at with the rest. */
  readonly beside?: () => readonly Came[];
  /** `unread`: the ids of what is unread of all that was looked at. */
  readonly decide: (
    pending: Pending,
    now: { readonly agent: AgentView; readonly unread: ReadonlySet<string>; readonly at: number },
  ) => How | 'wait' | 'drop';
  /** What is more than one wake-up tells: counted in it and done with, or kept for the next. */
  readonly rest: 'counted' | 'kept';
  /** `over`: there is nobody left to wake. */
  readonly tell: (told: readonly Told<How>[], rest: number) => Promise<'told' | 'failed' | 'over'>;
}

/** What waits behind a pause or a long turn is looked at this often. */
const LOOK_MS = 250;
const MOST = 200;
/** Each line may wake the client once more. */
const MOST_LINES = 5;

/** Until the signal, or until there is nobody left to wake; outlives every daemon. */
export async function wakeUp<How extends string>(
  session: WokenSession,
  waker: Waker<How>,
  { input, signal }: { input?: Partial<Input<'watch'>>; signal: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const pending = new Map<string, Came>();
  let trouble: { readonly error: unknown } | undefined;
  let telling: Promise<void> | undefined;
  const wake = (): void => {
    telling ??= tellAll()
      .catch((error: unknown) => {
        trouble = { error };
        over.abort();
      })
      .finally(() => {
        telling = undefined;
        // What came while the last one was ending.
        if (pending.size > 0 && !ended.aborted) wake();
      });
  };
  async function tellAll(): Promise<void> {
    for (let first = true; pending.size > 0 && !ended.aborted; first = false) {
      if (!first) await pause(LOOK_MS);
      if ((await round(session, waker, pending)) === 'over') over.abort();
    }
  }

  try {
    let after = input?.after;
    // With what waits already: what came since the session was greeted must wake it too.
    const stream = session.operations.watch({ ...input, unread: true, door: waker.door }, { signal: ended });
    for await (const { message, cursor } of stream) {
      if (pending.size < MOST) pending.set(message.id, { message, after, at: performance.now() });
      after = cursor;
      wake();
    }
  } catch (error) {
    if (!ended.aborted) throw error;
  } finally {
    over.abort();
    await telling;
  }
  if (trouble !== undefined) throw trouble.error;
}

async function round<How extends string>(
  session: WokenSession,
  waker: Waker<How>,
  pending: Map<string, Came>,
): Promise<'over' | undefined> {
  const looked = new Set(pending.keys());
  const situated = await situation(session, waker, [...pending.values()]);
  if (situated === undefined) return undefined;
  const { agent, found } = situated;
  const now = performance.now();
  const unread = new Set(found.keys());
  const ready: Told<How>[] = [];
  for (const [id, came] of pending) {
    // It came meanwhile, and is looked at the next time.
    if (!looked.has(id) && !unread.has(id)) continue;
    const message = found.get(id) ?? came.message;
    const how = waker.decide(
      { message, unread: unread.has(id), age: now - came.at },
      { agent, unread, at: now },
    );
    if (how === 'drop') pending.delete(id);
    else if (how !== 'wait') ready.push({ how, came: { ...came, message } });
  }
  const told = ready.slice(0, MOST_LINES);
  if (told.length === 0) return undefined;
  for (const { came } of waker.rest === 'kept' ? told : ready) pending.delete(came.message.id);
  const outcome = await waker.tell(told, ready.length - told.length);
  if (outcome === 'told') await offered(session, waker.door, told);
  return outcome === 'over' ? 'over' : undefined;
}

/** Undefined while it cannot be told: the daemon cannot be asked, or a pause hides what waits. */
async function situation(
  session: WokenSession,
  { door, beside }: Pick<Waker<string>, 'door' | 'beside'>,
  pending: readonly Came[],
): Promise<{ agent: AgentView; found: ReadonlyMap<string, Delivered> } | undefined> {
  try {
    // What lies beside was seen by another stream perhaps: neither comes before the other.
    const [{ you }, found, foundBeside] = await Promise.all([
      session.operations.whoami({}),
      unreadOf(session, { door, came: pending }),
      unreadOf(session, { door, came: beside?.() ?? [] }),
    ]);
    if (you === undefined || found === undefined || foundBeside === undefined) return undefined;
    return { agent: you, found: new Map([...foundBeside, ...found]) };
  } catch {
    return undefined;
  }
}

/** Which of them are unread, given in the order in which they came, however much waits before and between them. */
async function unreadOf(
  { operations, reader }: WokenSession,
  { door, came }: { door: Door; came: readonly Came[] },
): Promise<ReadonlyMap<string, Delivered> | undefined> {
  const found = new Map<string, Delivered>();
  for (let rest = came; rest.length > 0;) {
    const { messages, pausedUntil } = await operations.check({
      reader,
      door,
      peek: true,
      limit: MOST,
      bytes: 524_288,
      after: rest[0]?.after,
    });
    if (pausedUntil !== undefined) return undefined;
    if (messages.length === 0) break;
    for (const message of messages) found.set(message.id, message);
    // A page has all that is unread up to the last one it has, and its first one if that is unread.
    rest = rest.slice(
      Math.max(
        0,
        rest.findLastIndex(({ message }) => found.has(message.id)),
      ) + 1,
    );
  }
  return found;
}

async function offered<How>(
  { operations, reader }: WokenSession,
  door: Door,
  told: readonly Told<How>[],
): Promise<void> {
  try {
    const deliveries = told.map(({ came: { message } }) => ({ id: message.id, attempt: message.attempt }));
    await operations.confirm({ reader, door, stage: 'offered', deliveries });
  } catch {
    // Not offered is not claimed.
  }
}
