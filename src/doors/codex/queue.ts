/**
 * Wakes an idle session of Codex: `codex queue` puts what arrives into the queue of its thread. That the
 * command ended well proves only that it is stored (seen with 0.169.0), so nothing more than `offered` is
 * ever claimed, and nothing is queued unless a live server of that very thread runs here. While the
 * agent works its hooks hand over what comes.
 */
import { asFailure } from '../../protocol/failures.ts';
import type { Delivered } from '../../protocol/model.ts';
import type { Operations } from '../../protocol/operations.ts';
import { pause } from '../../system/clock.ts';
import { sayOnce } from '../say-once.ts';
import { hooksWillTell } from '../working.ts';
import { queueText } from './queue-text.ts';

export interface QueueSession {
  readonly operations: Pick<Operations, 'watch' | 'check' | 'whoami' | 'confirm'>;
  readonly reader: string;
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
const LOOK_MS = 250;
/** A stop is told before its hook hands over what waits. */
const SETTLED_MS = 1_000;
/** What was queued last should be taken up first: its turn brings the rest. */
const TAKEN_UP_MS = 30_000;
/** Of what comes at one time the rest comes with the prompt's hook. */
const MOST_LINES = 5;
const MOST = 200;

interface Waiting {
  readonly message: Delivered;
  readonly since: number;
  /** Since when nothing speaks against it. */
  due: number | undefined;
}

/** What is remembered over streams and names. */
interface Memory {
  /** Tried once: whether a failed or killed command has stored it, nobody can say. */
  readonly tried: Set<string>;
  last: { readonly ids: readonly string[]; readonly at: number };
}

export async function runCodexQueue(around: Around): Promise<void> {
  const { signal } = around;
  const say = sayOnce(around.say);
  const memory: Memory = { tried: new Set(), last: { ids: [], at: 0 } };
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
async function follow(around: Around, { session, thread, memory }: Following): Promise<void> {
  const closing = new AbortController();
  const signal = AbortSignal.any([closing.signal, around.signal]);
  const waiting = new Map<string, Waiting>();
  let arrived = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const { message } of session.operations.watch({ door: 'queue', unread: true }, { signal })) {
      if (waiting.size < MOST) waiting.set(message.id, { message, since: performance.now(), due: undefined });
      arrived.resolve();
    }
  })().finally(() => closing.abort());
  // Said below; a loop that ends first has no use for it.
  reading.catch(() => undefined);
  try {
    while (!signal.aborted) {
      await Promise.race([pause(waiting.size > 0 ? LOOK_MS : SAME_MS), arrived.promise]);
      arrived = Promise.withResolvers();
      const now = await around.session();
      if (now.thread !== thread || now.name !== session.name) return;
      if (waiting.size > 0) await offer(around, { session, thread, memory, waiting });
    }
    await reading;
  } finally {
    closing.abort();
  }
}

async function offer(
  around: Around,
  { session, thread, memory, waiting }: Following & { waiting: Map<string, Waiting> },
): Promise<void> {
  const { operations, reader } = session;
  const [{ you }, { messages }] = await Promise.all([
    operations.whoami({}),
    operations.check({ reader, door: 'queue', peek: true, limit: 1_000, bytes: 524_288 }),
  ]);
  if (you === undefined) return;
  const unread = new Map(messages.map((message) => [message.id, message]));
  const now = performance.now();
  const { last } = memory;
  const takenUp = now - last.at > TAKEN_UP_MS || !last.ids.some((id) => unread.has(id as Delivered['id']));
  const ready: Delivered[] = [];
  for (const [id, entry] of waiting) {
    const message = unread.get(entry.message.id);
    if (message === undefined || message.offeredBy?.includes('queue') === true || memory.tried.has(id)) {
      waiting.delete(id);
      continue;
    }
    entry.due = takenUp && !hooksWillTell(you, now - entry.since) ? (entry.due ?? now) : undefined;
    if (entry.due !== undefined && now - entry.due >= SETTLED_MS) ready.push(message);
  }
  const shown = ready.slice(0, MOST_LINES);
  if (shown.length === 0) return;
  const ids = shown.map(({ id }) => id);
  for (const id of ids) memory.tried.add(id);
  const trouble = await around.queue(thread, queueText(shown));
  if (trouble !== undefined) return around.say(`this idle Codex is not woken: ${trouble}`);
  memory.last = { ids, at: performance.now() };
  const deliveries = shown.map(({ id, attempt }) => ({ id, attempt }));
  await operations.confirm({ reader, door: 'queue', stage: 'offered', deliveries });
}
