/**
 * `ipc watch --format line`, the monitor of a client program: each line wakes its idle session. It ends
 * with the session (killed, or its stdout closed) and outlives every daemon.
 */
import { verdict } from '../doors/monitor.ts';
import { bareLine, messageLine } from '../present/line.ts';
import type { AgentView, Delivered } from '../protocol/model.ts';
import type { Input } from '../protocol/operations.ts';
import { clientSession } from '../system/clients.ts';
import { pause } from '../system/clock.ts';
import { identify } from '../system/identity.ts';
import type { Call } from './call.ts';
import { untilGone } from './hook/wait.ts';
import { interruptible } from './interrupt.ts';
import { openSession, type Session } from './session.ts';

/** The client starts us beside its server and its first hook; one of those names the session. */
const NAMING_MS = 5_000;
const LOOK_MS = 250;
/** What waits behind a pause or a long turn is looked at this often. */
const MOST = 200;
/** Each line wakes the client once more: of what comes at one time the rest is counted. */
const MOST_LINES = 5;

export async function monitor(call: Call, input: Partial<Input<'watch'>>): Promise<number> {
  using interrupt = interruptible();
  const ended = new AbortController();
  interrupt.signal.addEventListener('abort', () => ended.abort());
  const { signal } = ended;
  const client = clientSession(call.world.environment)?.process;
  if (client !== undefined) void untilGone(client, ended);
  const acting = { told: call.as };
  await untilNamed(call, acting);
  await using session = await openSession(call.world, {
    ...acting,
    stays: true,
    say: call.output.say,
    meanwhile: () => undefined,
  });
  const pending = new Map<string, { message: Delivered; since: number }>();
  const writing = { gone: false };
  let showing: Promise<void> | undefined;
  const wake = (): void => {
    showing ??= show(call, session, { pending, writing, signal }).finally(() => {
      showing = undefined;
      // What came while the last one was ending.
      if (pending.size > 0 && !writing.gone && !signal.aborted) wake();
    });
  };
  try {
    // With what waits already: what came since the session was greeted must wake it too.
    const stream = session.operations.watch({ ...input, unread: true, door: 'monitor' }, { signal });
    for await (const { message } of stream) {
      if (writing.gone) return 0;
      if (pending.size < MOST) pending.set(message.id, { message, since: performance.now() });
      wake();
    }
    await showing;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return interrupt.signal.aborted ? 130 : 0;
}

async function untilNamed({ world }: Call, acting: { told: string | undefined }): Promise<void> {
  const { environment, paths } = world;
  if (clientSession(environment) === undefined) return;
  const end = performance.now() + NAMING_MS;
  while (performance.now() < end) {
    const { how, name } = identify(paths, environment, acting);
    if (how === 'session' && name !== undefined) return;
    await pause(LOOK_MS / 5);
  }
}

interface Showing {
  readonly pending: Map<string, { message: Delivered; since: number }>;
  /** Nobody reads us any more. */
  readonly writing: { gone: boolean };
  readonly signal: AbortSignal;
}

/** Until nothing is pending. */
async function show(call: Call, session: Session, { pending, writing, signal }: Showing): Promise<void> {
  for (let first = true; pending.size > 0 && !signal.aborted; first = false) {
    if (!first) await pause(LOOK_MS);
    const now = await situation(session, [...pending.values()]);
    if (now === undefined) continue;
    const shown: Delivered[] = [];
    const lines: string[] = [];
    for (const [id, { message, since }] of pending) {
      const unread = now.unread.has(id);
      const age = performance.now() - since;
      const decided = verdict({ message, unread, age }, now.agent);
      if (decided === 'wait') continue;
      pending.delete(id);
      if (decided === 'drop') continue;
      shown.push(message);
      lines.push(decided === 'line' ? messageLine(message) : bareLine(message));
    }
    if (lines.length === 0) continue;
    const rest = lines.splice(MOST_LINES).length;
    if (rest > 0) lines.push(`${rest} more on ipc (check hands them over)`);
    if (!(await call.output.write(`${lines.join('\n')}\n`))) {
      writing.gone = true;
      // The client is gone, and with it whoever we would have woken.
      return session.client.close();
    }
    await offered(session, shown.slice(0, MOST_LINES));
  }
}

/** Undefined while the daemon cannot be asked. */
async function situation(
  { operations, reader }: Session,
  pending: readonly { readonly message: Delivered }[],
): Promise<{ agent: AgentView; unread: ReadonlySet<string> } | undefined> {
  const look = (thread?: string) =>
    operations.check({ reader, door: 'monitor', peek: true, limit: 1_000, bytes: 524_288, thread });
  try {
    const [{ you }, { messages, remaining }] = await Promise.all([operations.whoami({}), look()]);
    if (you === undefined) return undefined;
    const unread = new Set<string>(messages.map(({ id }) => id));
    // So much waits that one page does not tell of all: what is not on it is looked for by itself.
    const behind = remaining === 0 ? [] : pending.filter(({ message }) => !unread.has(message.id));
    for (const thread of new Set(behind.map(({ message }) => message.thread)))
      for (const { id } of (await look(thread)).messages) unread.add(id);
    return { agent: you, unread };
  } catch {
    return undefined;
  }
}

async function offered({ operations, reader }: Session, messages: readonly Delivered[]): Promise<void> {
  try {
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await operations.confirm({ reader, door: 'monitor', stage: 'offered', deliveries });
  } catch {
    // Not offered is not claimed.
  }
}
