/** What time asks of the daemon: calls `tend` when something is due, and now and then in any case. */
import type { Clock } from '../core/ports.ts';

export interface JanitorParts {
  readonly clock: Clock;
  /** Does what is due; says whether more is, and when the next will be (wall clock). */
  readonly tend: () => Promise<{ readonly more: boolean; readonly nextDueAt: number | null }>;
  /** Done at the start and then hourly: staged files nobody sent, bindings of dead shells. */
  readonly tidy: () => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** Heartbeats of sessions want a visit at least this often; so does a wall clock that was set. */
const VISIT_MS = 20_000;
const TIDY_MS = 3_600_000;
const LONGEST_REST_MS = 250;

export class Janitor implements AsyncDisposable {
  readonly #parts: JanitorParts;
  #callOff: () => void = () => undefined;
  /** When the next visit is, by the monotonic clock: what a wall clock said before it was set means nothing now. */
  #visitDue = Infinity;
  #dueAt: number | null = null;
  /** What came due while a visit was under way, whose own answer may be older. */
  #noted = Infinity;
  #tidyAt = 0;
  #visit: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: JanitorParts) {
    this.#parts = parts;
    this.#visitAt(0);
  }

  /** Wall-clock time of the next thing that is due by itself; null: nothing. */
  get dueAt(): number | null {
    return this.#dueAt;
  }

  /** Something is due at this wall-clock time, perhaps before what was known. */
  due(at: number): void {
    this.#dueAt = Math.min(this.#dueAt ?? Infinity, at);
    this.#noted = Math.min(this.#noted, at);
    if (this.#in(at) < this.#visitDue) this.#visitAt(at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    await this.#visit;
  }

  #visitAt(at: number): void {
    if (this.#stopped) return;
    this.#callOff();
    this.#visitDue = this.#in(at);
    this.#callOff = this.#parts.clock.after(this.#visitDue - this.#parts.clock.mono(), () => {
      // One visit at a time: what comes due during one is seen at its end.
      this.#visit ??= this.#look().finally(() => {
        this.#visit = undefined;
      });
    });
  }

  /** A moment of the wall clock by the monotonic one. */
  #in(at: number): number {
    const { clock } = this.#parts;
    // Never far: a wall clock set in the middle of a visit must not put the next one off for years.
    return clock.mono() + Math.min(VISIT_MS, Math.max(0, at - clock.now()));
  }

  async #look(): Promise<void> {
    const { clock, tend, tidy, failed } = this.#parts;
    let next = clock.now() + VISIT_MS;
    const begun = clock.mono();
    this.#visitDue = Infinity;
    this.#noted = Infinity;
    try {
      const { more, nextDueAt } = await tend();
      const dueAt = Math.min(nextDueAt ?? Infinity, this.#noted);
      this.#dueAt = Number.isFinite(dueAt) ? dueAt : null;
      // Half of the time is for others: what is sent waits for one share of the work, not for all of it.
      const rested = clock.now() + Math.min(LONGEST_REST_MS, clock.mono() - begun);
      next = more ? rested : Math.min(next, this.#dueAt ?? Infinity);
      // A wall clock that was set back would put it off until it is that late again.
      if (clock.mono() >= this.#tidyAt) {
        this.#tidyAt = clock.mono() + TIDY_MS;
        await tidy();
      }
    } catch (error) {
      failed(error);
    }
    this.#visitAt(Math.min(next, this.#noted));
  }
}
