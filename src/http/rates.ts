/** How often one token or one address may come: buckets that fill again by the minute. */
import { Failure } from '../protocol/failures.ts';
import { HttpFailure } from './problem.ts';

interface Bucket {
  left: number;
  at: number;
}

/** Of more keys than this only those seen last are remembered. */
const MAX_BUCKETS = 10_000;

export class Rates {
  readonly #perMinute: number;
  readonly #burst: number;
  readonly #mono: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: { readonly perMinute: number; readonly burst: number; readonly mono: () => number }) {
    this.#perMinute = limit.perMinute;
    this.#burst = limit.burst;
    this.#mono = limit.mono;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Throws 429 with the time after which one more is let through. */
  take(key: string, what: string): void {
    const wait = this.wait(key);
    if (wait === 0) return;
    throw new HttpFailure(
      new Failure('rate_limited', `wanted at most ${this.#perMinute} requests a minute ${what}`, {
        hint: 'ipc config list',
      }),
      { retryAfter: wait },
    );
  }

  /** Takes one; seconds to wait when there is none. */
  wait(key: string): number {
    const now = this.#mono();
    const bucket = this.#buckets.get(key) ?? { left: this.#burst, at: now };
    const perMs = this.#perMinute / 60_000;
    bucket.left = Math.min(this.#burst, bucket.left + (now - bucket.at) * perMs);
    bucket.at = now;
    this.#remember(key, bucket);
    if (bucket.left < 1) return (1 - bucket.left) / perMs / 1_000;
    bucket.left -= 1;
    return 0;
  }

  #remember(key: string, bucket: Bucket): void {
    // The map keeps the order of last use: the first is whom nobody has seen for longest.
    this.#buckets.delete(key);
    const [first] = this.#buckets.keys();
    if (this.#buckets.size >= MAX_BUCKETS && first !== undefined) this.#buckets.delete(first);
    this.#buckets.set(key, bucket);
  }
}
