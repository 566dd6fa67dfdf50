/**
 * Whether the wall clock can be believed when something is about to be destroyed for its age. A clock that is set
 * ten years ahead for a minute must not take thirty days of mail with it: a day and more ahead of what the
 * monotonic clock says is believed once it has stood for an hour. What was known outlives the daemon, so that a
 * machine that starts with a wrong clock is doubted too. A clock that is set back is believed at once: it destroys
 * nothing. A machine that was off, or asleep, for days only has its old mail for an hour longer.
 */
import type { Sql } from './connection.ts';

const DOUBTED_MS = 24 * 3_600_000;
const BELIEVED_AFTER_MS = 3_600_000;
/** By so much may two clocks drift apart, or be set, in the time between two looks. */
const DRIFT_MS = 60_000;

/** Both clocks at one moment. */
interface Reading {
  readonly wall: number;
  readonly mono: number;
}

const READ = "SELECT name, value FROM counter WHERE name LIKE 'clock.%'";
const WRITE = `INSERT INTO counter (name, value) VALUES (?1, ?2)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const FORGET = "DELETE FROM counter WHERE name LIKE 'clock.doubted.%'";

export class SteadyTime {
  readonly #sql: Sql;
  /** The last that was believed. */
  #believed: Reading | undefined;
  /** Since when another one has been claimed. */
  #claimed: Reading | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    const values = new Map(
      sql.all<{ name: string; value: number }>(READ).map((row) => [row.name, row.value]),
    );
    this.#believed = reading(values, 'clock');
    this.#claimed = reading(values, 'clock.doubted');
  }

  /** The time up to which what has run out may be destroyed; in a transaction, for it is noted. */
  settled(now: Reading): { readonly settled: number; readonly wentBack: boolean } {
    const believed = this.#believed;
    const expected = believed === undefined ? now.wall : believed.wall + elapsed(believed, now);
    if (now.wall - expected <= DOUBTED_MS) {
      this.#believe(now);
      return { settled: now.wall, wentBack: expected - now.wall > DRIFT_MS };
    }
    const claimed = this.#claimed;
    const holds =
      claimed !== undefined &&
      now.mono >= claimed.mono &&
      Math.abs(now.wall - claimed.wall - elapsed(claimed, now)) <= DRIFT_MS;
    if (!holds) this.#claim(now);
    if (!holds || now.mono - claimed.mono < BELIEVED_AFTER_MS) return { settled: expected, wentBack: false };
    this.#believe(now);
    return { settled: now.wall, wentBack: false };
  }

  /**
   * Keeps the last reading for the next daemon, when one ends: a sweep with nothing to do writes nothing. One that
   * was killed leaves an older reading, by which a clock is doubted rather more.
   */
  keep(): void {
    const { wall, mono } = this.#believed ?? {};
    if (wall === undefined || mono === undefined) return;
    this.#sql.run(WRITE, 'clock.wall', Math.round(wall));
    this.#sql.run(WRITE, 'clock.mono', Math.round(mono));
  }

  #believe(now: Reading): void {
    this.#believed = now;
    if (this.#claimed !== undefined) this.#sql.run(FORGET);
    this.#claimed = undefined;
  }

  #claim(now: Reading): void {
    this.#claimed = now;
    this.#sql.run(WRITE, 'clock.doubted.wall', Math.round(now.wall));
    this.#sql.run(WRITE, 'clock.doubted.mono', Math.round(now.mono));
  }
}

/** By the monotonic clock; after a start of the machine it counts anew, and how long that was off nobody knows. */
function elapsed(from: Reading, to: Reading): number {
  return to.mono >= from.mono ? to.mono - from.mono : 0;
}

function reading(values: ReadonlyMap<string, number>, name: string): Reading | undefined {
  const [wall, mono] = [values.get(`${name}.wall`), values.get(`${name}.mono`)];
  return wall === undefined || mono === undefined ? undefined : { wall, mono };
}
