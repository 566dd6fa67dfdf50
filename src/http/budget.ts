/**
 * Bytes of bodies that are in memory at once, counted as they come: who only says that much will come takes
 * no room from others. What would be too much is refused, and what it had is free again.
 */
import { Failure } from '../protocol/failures.ts';
import { HttpFailure } from './problem.ts';

export class Budget {
  readonly #most: number;
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get used(): number {
    return this.#used;
  }

  /** What one request takes until it is answered. */
  share(): Share {
    let own = 0;
    return {
      take: (bytes) => {
        if (this.#used + bytes > this.#most)
          throw new HttpFailure(new Failure('busy', 'too many large bodies at once'), { retryAfter: 1 });
        this.#used += bytes;
        own += bytes;
      },
      [Symbol.dispose]: () => {
        this.#used -= own;
        own = 0;
      },
    };
  }
}

export interface Share extends Disposable {
  /** Throws 503. */
  take(bytes: number): void;
}
