/**
 * What arrives while the server runs, from one stream of the daemon's: told to whoever listens (the
 * channel, subscribed resources), and kept in mind so that the next tool result can say it once.
 */
import { asFailure } from '../protocol/failures.ts';
import type { Door } from '../protocol/model.ts';
import type { Output } from '../protocol/operations.ts';
import { visibleLine } from '../present/escape.ts';
import { pause } from '../system/clock.ts';
import type { Holder } from './parts.ts';

export type Arrival = Output<'watch'>['message'];

export interface Arrivals {
  start(): void;
  /** The session acts for another agent now: its arrivals are others. */
  restart(): void;
  stop(): void;
  /** "2 unread from bob, alice", once until something new arrives; undefined when there is nothing to say. */
  unreadNote(holder: Holder): Promise<string | undefined>;
  /** All that waits was just shown or named. */
  told(): void;
}

interface Around {
  readonly holder: () => Promise<Holder>;
  readonly signal: AbortSignal;
  readonly door: () => Door;
  readonly told: (arrival: Arrival) => Promise<void>;
  /** What was told so far does not count: what waits is told again. */
  readonly began: () => void;
  readonly troubled: (why: string) => void;
}

const RETRY_MS = 1_000;
/** Enough to name who wrote; the rest is counted. */
const NAMED = 20;

export function openArrivals(around: Around): Arrivals {
  let following: AbortController | undefined;
  // What waited before the session came counts as news too: the greeting names it.
  let fresh = false;

  const follow = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const { operations } = await around.holder();
        for await (const { message } of operations.watch({ door: around.door(), unread: true }, { signal })) {
          fresh = true;
          if (signal.aborted) return;
          await around.told(message);
        }
        if (signal.aborted) return;
      } catch (error) {
        if (signal.aborted) return;
        around.troubled(`arrivals are not followed: ${asFailure(error).message}`);
      }
      await pause(RETRY_MS);
    }
  };

  const start = (): void => {
    following?.abort();
    following = new AbortController();
    around.began();
    void follow(AbortSignal.any([following.signal, around.signal]));
  };

  return {
    start,
    restart: () => {
      if (following !== undefined) start();
    },
    stop: () => {
      following?.abort();
      following = undefined;
    },
    unreadNote: async ({ operations, reader }) => {
      if (!fresh) return undefined;
      fresh = false;
      const { messages, remaining } = await operations.check({
        reader,
        door: 'tool',
        peek: true,
        limit: NAMED,
      });
      const count = messages.length + remaining;
      if (count === 0) return undefined;
      const names = [...new Set(messages.map(({ from }) => visibleLine(from.name)))];
      return `${count} unread from ${names.join(', ')}${remaining > 0 ? ' and perhaps others' : ''}`;
    },
    told: () => {
      fresh = false;
    },
  };
}
