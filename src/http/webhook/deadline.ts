/**
 * So long and no longer, for many at once: a timer or an abort signal for each request would cost a tenth
 * of the request. What is not done in time goes on unseen; only its answer is not waited for.
 */
import { Failure } from '../../protocol/failures.ts';

interface Waiting {
  readonly until: number;
  readonly refuse: (why: Failure) => void;
}

const LOOK_MS = 250;

export class Deadline {
  readonly #milliseconds: number;
  /** In the order in which they end. */
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Throws `timed_out`. */
  async within<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const entry = { until: performance.now() + this.#milliseconds, refuse: late.reject };
    this.#waiting.add(entry);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      this.#waiting.delete(entry);
    }
  }

  #look(): void {
    const now = performance.now();
    for (const { until, refuse } of this.#waiting) {
      if (until > now) return;
      refuse(new Failure('timed_out', `no answer from the daemon within ${this.#milliseconds / 1_000} s`));
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
