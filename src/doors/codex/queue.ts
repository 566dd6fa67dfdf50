/**
 * Wakes an idle session of Codex: `codex queue` puts what arrives into the queue of its thread. That the
 * command ended well proves only that it is stored (seen with 0.169.0), so nothing more than `offered` is
 * ever claimed, and nothing is queued unless a live server of that very thread runs here. While the
 * agent works its hooks hand over what comes.
 */
import { asFailure } from '../../protocol/failures.ts';
import { pause } from '../../system/clock.ts';
import { sayOnce } from '../say-once.ts';
import { wakeUp, type Came, type Waker, type WokenSession } from '../wake-up.ts';
import { hooksWillTell } from '../working.ts';
import { queueText } from './queue-text.ts';

export interface QueueSession extends WokenSession {
  readonly name: string;
  /** Undefined while no hook has said which thread this is, or when its Codex is gone. */
  readonly thread: string | undefined;
}

interface Around {
  /** The session as it is now; it may come to act under another name, or for another thread. */
  readonly session: () => Promise<QueueSession>;
  /** Puts a text into a thread's queue; returns why that is not known to have worked. */
  readonly queue: (thread: string, text: string) => Promise<string | undefined>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How often a session is asked whether it is still the same one. */
const SAME_MS = 1_000;
/** A stop is told before its hook hands over what waits. */
const SETTLED_MS = 1_000;
/** What was queued last should be taken up first: its turn brings the rest. */
const TAKEN_UP_MS = 30_000;

/** What is remembered over streams and names. */
interface Memory {
  /** Tried once: whether a failed or killed command has stored it, nobody can say. */
  readonly tried: Set<string>;
  last: { readonly came: readonly Came[]; readonly at: number };
}

export async function runCodexQueue(around: Around): Promise<void> {
  const { signal } = around;
  const say = sayOnce(around.say);
  const memory: Memory = { tried: new Set(), last: { came: [], at: 0 } };
  while (!signal.aborted) {
    try {
      const session = await around.session();
      if (session.thread !== undefined)
        await follow({ ...around, say }, { session, thread: session.thread, memory });
    } catch (error) {
      if (!signal.aborted) say(`nothing is put into Codex's queue: ${asFailure(error).message}`);
    }
    if (!signal.aborted) await pause(SAME_MS);
  }
}

interface Following {
  readonly session: QueueSession;
  readonly thread: string;
  readonly memory: Memory;
}

/** As long as it is the same session; the door is open meanwhile. */
async function follow(around: Around, following: Following): Promise<void> {
  const closing = new AbortController();
  const signal = AbortSignal.any([closing.signal, around.signal]);
  const same = async (): Promise<boolean> => {
    const { thread, name } = await around.session();
    return thread === following.thread && name === following.session.name;
  };
  const leaving = (async () => {
    while (!signal.aborted && (await same())) await pause(SAME_MS);
  })().finally(() => closing.abort());
  // Said below; a stream that ends first has no use for it.
  leaving.catch(() => undefined);
  try {
    await wakeUp(following.session, waker({ ...around, same }, following), { signal });
  } finally {
    closing.abort();
  }
  await leaving;
}

function waker(
  around: Around & { readonly same: () => Promise<boolean> },
  { thread, memory }: Following,
): Waker<'line'> {
  /** Since when nothing speaks against it. */
  const due = new Map<string, number>();
  return {
    door: 'queue',
    rest: 'kept',
    beside: () => memory.last.came,
    decide: ({ message, unread: isUnread, age }, { agent, unread, at: now }) => {
      const { id, offeredBy } = message;
      const { came, at } = memory.last;
      const takenUp = now - at > TAKEN_UP_MS || !came.some((each) => unread.has(each.message.id));
      const done = !isUnread || offeredBy?.includes('queue') === true || memory.tried.has(id);
      if (done || !takenUp || hooksWillTell(agent, age)) {
        due.delete(id);
        return done ? 'drop' : 'wait';
      }
      // What comes while others wait for the same is told with them.
      const since = due.get(id) ?? Math.min(now, ...due.values());
      due.set(id, since);
      return now - since >= SETTLED_MS ? 'line' : 'wait';
    },
    tell: async (told) => {
      if (!(await around.same())) return 'over';
      for (const { came } of told) {
        memory.tried.add(came.message.id);
        due.delete(came.message.id);
      }
      const trouble = await around.queue(thread, queueText(told.map(({ came }) => came.message)));
      if (trouble !== undefined) {
        around.say(`this idle Codex is not woken: ${trouble}`);
        return 'failed';
      }
      memory.last = { came: told.map(({ came }) => came), at: performance.now() };
      return 'told';
    },
  };
}
