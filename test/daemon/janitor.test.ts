import { expect, test } from 'bun:test';
import { Janitor } from '../../src/daemon/janitor.ts';
import type { Clock } from '../../src/core/ports.ts';

/** A clock the test turns by hand. */
function handClock() {
  let now = 1_000_000;
  let timers: { at: number; run: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    mono: () => now,
    after: (milliseconds, run) => {
      const timer = { at: now + milliseconds, run };
      timers.push(timer);
      return () => (timers = timers.filter((each) => each !== timer));
    },
    turn: (run) => void setImmediate(run),
  };
  const advance = async (milliseconds: number): Promise<void> => {
    now += milliseconds;
    const due = timers.filter((timer) => timer.at <= now);
    timers = timers.filter((timer) => timer.at > now);
    for (const timer of due) timer.run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, advance };
}

interface Tending {
  more: boolean;
  nextDueAt: number | null;
}

function setUp(answers: Tending = { more: false, nextDueAt: null }) {
  const { clock, advance } = handClock();
  const visits: number[] = [];
  const failures: unknown[] = [];
  const state = { answers, fail: undefined as Error | undefined, tidied: 0 };
  const janitor = new Janitor({
    clock,
    tend: async () => {
      visits.push(clock.now() - 1_000_000);
      if (state.fail !== undefined) throw state.fail;
      return state.answers;
    },
    tidy: async () => void (state.tidied += 1),
    failed: (error) => void failures.push(error),
  });
  return { clock, advance, visits, failures, state, janitor };
}

test('the store is tended at the start and then now and again, even if nothing is known to be due', async () => {
  const { advance, visits } = setUp();
  await advance(0);
  await advance(20_000);
  await advance(20_000);
  expect(visits).toEqual([0, 20_000, 40_000]);
});

test('what is due is tended to when it is due, and what comes due earlier is not missed', async () => {
  const { advance, visits, janitor, state } = setUp({ more: false, nextDueAt: 1_005_000 });
  await advance(0);
  expect(janitor.dueAt).toBe(1_005_000);
  janitor.due(1_002_000);
  janitor.due(1_004_000);
  await advance(2_000);
  state.answers = { more: false, nextDueAt: null };
  await advance(3_000);
  expect(visits).toEqual([0, 2_000, 5_000]);
  expect(janitor.dueAt).toBeNull();
});

test('as long as there is more to do it goes on at once', async () => {
  const { advance, visits, state } = setUp({ more: true, nextDueAt: null });
  await advance(0);
  await advance(0);
  state.answers = { more: false, nextDueAt: null };
  await advance(0);
  await advance(0);
  expect(visits).toEqual([0, 0, 0]);
});

test('a failure is reported and does not end the visits', async () => {
  const { advance, visits, failures, state } = setUp();
  state.fail = new Error('disk full');
  await advance(0);
  state.fail = undefined;
  await advance(20_000);
  expect(failures).toHaveLength(1);
  expect(visits).toHaveLength(2);
});

test('tidying is done at the start and then hourly', async () => {
  const { advance, state } = setUp();
  await advance(0);
  for (let minute = 0; minute < 59; minute += 1) await advance(60_000);
  expect(state.tidied).toBe(1);
  await advance(60_000);
  expect(state.tidied).toBe(2);
});

test('after its end it visits nobody', async () => {
  const { advance, visits, janitor } = setUp();
  await advance(0);
  await janitor[Symbol.asyncDispose]();
  janitor.due(1_000_001);
  await advance(60_000);
  expect(visits).toEqual([0]);
});

test('after the wall clock was set back it still looks as often as usual, whatever is due far ahead', async () => {
  const hand = handClock();
  const visits: number[] = [];
  let back = 0;
  const janitor = new Janitor({
    clock: { ...hand.clock, now: () => hand.clock.now() - back },
    tend: async () => {
      visits.push(hand.clock.mono() - 1_000_000);
      return { more: false, nextDueAt: null };
    },
    tidy: async () => undefined,
    failed: () => undefined,
  });
  await hand.advance(0);
  back = 86_400_000;
  // Sooner than the next visit, as the clock was when that was planned; now it is an hour ahead.
  janitor.due(hand.clock.now() - back + 3_600_000);
  await hand.advance(20_000);
  expect(visits).toEqual([0, 20_000]);
  await janitor[Symbol.asyncDispose]();
});
