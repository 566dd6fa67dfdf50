/**
 * `ipc hook wait`: stays behind a stop and ends with 2, on purpose, when a message came and nobody took
 * it: that wakes the session with what stands on stderr. Offered, not handed: nobody can say it was read.
 */
import { readAutoCheck } from '../../system/auto-check.ts';
import type { HookEvent } from '../../doors/hook-event.ts';
import {
  endWaiter,
  forgetWaiter,
  isPushed,
  noteWaiter,
  stillUnread,
  waiterLock,
  waiterText,
} from '../../doors/waiter.ts';
import { pause } from '../../system/clock.ts';
import { variable } from '../../system/environment.ts';
import { tryLock } from '../../system/lock.ts';
import { writeError } from '../../system/output.ts';
import type { Paths } from '../../system/paths.ts';
import { anchorOf, untilGone } from '../../system/processes.ts';
import type { Call } from '../call.ts';
import { actingAs, nameOf } from './acting.ts';
import { interruptible } from '../interrupt.ts';
import { isNotRunning, openSession, type Session } from '../session.ts';

const WAKE = 2;
/** While the agent works its hooks take what comes; only what they leave behind is for us. */
const GRACE_MS = 5_000;
const LOOK_MS = 250;
/** What is named in one wake-up, and how far behind what was named before it is looked for. */
const MOST = 10;
const LOOK_MESSAGES = 200;

export async function waitForMessage(call: Call, event: HookEvent): Promise<number> {
  if (event.moment === 'end') {
    endWaiter(call.world.paths, event);
    return 0;
  }
  const { paths, environment } = call.world;
  // A run without a terminal ends with its last word, and would wait for us first.
  const entry = variable(environment, 'CLAUDE_CODE_ENTRYPOINT');
  if (entry !== undefined && entry !== 'cli') return 0;
  const acting = actingAs(event, call);
  const name = nameOf(call, acting);
  if (name === undefined || handsOverNothing(paths, name)) return 0;
  using lock = await tryLock(waiterLock(paths, event));
  if (lock === undefined) return 0;
  const own = anchorOf(environment.pid);
  const client = acting.session?.process ?? anchorOf(environment.parentPid);
  // Whose end cannot be seen must not be waited for.
  if (client === undefined || own === undefined) return 0;
  noteWaiter(paths, event, { anchor: own, now: call.world.now() });
  using interrupt = interruptible();
  const ended = new AbortController();
  interrupt.signal.addEventListener('abort', () => ended.abort());
  try {
    await using session = await openSession(call.world, {
      ...acting,
      agent: 'named',
      start: 'existing',
      stays: true,
      say: () => undefined,
      meanwhile: () => undefined,
    });
    void untilGone(client, ended);
    return await waitIn(session, ended.signal, () => handsOverNothing(paths, session.identity.name ?? name));
  } catch (error) {
    if (ended.signal.aborted || isNotRunning(error)) return 0;
    throw error;
  } finally {
    ended.abort();
    forgetWaiter(paths, event);
  }
}

/** Auto-checking was stopped: a wake-up would be a hand-over nobody asked for, and end in the next one. */
function handsOverNothing(paths: Paths, name: string): boolean {
  return readAutoCheck(paths, name).mode === 'never';
}

async function waitIn(
  { operations, reader }: Session,
  signal: AbortSignal,
  mustBeSilent: () => boolean,
): Promise<number> {
  const before = await operations.whoami({});
  if (before.you === undefined || isPushed(before.you)) return 0;
  for await (const _arrival of operations.watch({ door: 'hook', unread: true }, { signal })) {
    const end = performance.now() + GRACE_MS;
    for (;;) {
      await pause(LOOK_MS);
      if (signal.aborted) return 0;
      const [{ you }, waiting] = await Promise.all([
        operations.whoami({}),
        stillUnread(operations, { reader, limit: LOOK_MESSAGES }),
      ]);
      // What woke it once and was left unread must not wake it again and again.
      const unread = waiting.filter(({ offeredBy }) => offeredBy?.includes('hook') !== true).slice(0, MOST);
      if (unread.length === 0) break;
      if (mustBeSilent()) return 0;
      // Somebody else tells it, now that it is there.
      if (you === undefined || isPushed(you)) return 0;
      if (you.presence !== 'idle' && performance.now() < end) continue;
      if (!writeError(waiterText(unread))) return 0;
      const deliveries = unread.map(({ id, attempt }) => ({ id, attempt }));
      await operations.confirm({ reader, door: 'hook', stage: 'offered', deliveries });
      return WAKE;
    }
  }
  return 0;
}
