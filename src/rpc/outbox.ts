/**
 * The writing half of a socket: frames wait here while the other side does not read. What waits is
 * bounded: a subscriber that never read grew a daemon from 33 to 340 MB (measured).
 */
import type { Connection } from './connection.ts';

/** As much of Bun's socket as writing needs. */
export interface Outlet {
  write(bytes: Uint8Array): number;
  end(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** More waiting than this, and the reader is given up. */
export const MAX_WAITING_BYTES = 8 * 1_048_576;
/** Streams hold their next item back while more than this waits. */
const LOW_WATER_BYTES = 262_144;
/** Not Buffer, whose first use costs a cold command 0.1 ms. */
const utf8 = new TextEncoder();
/** Milliseconds after `end()` that what waits has to be written; then the socket is terminated. */
const LAST_WORDS_MS = 1_000;

export class Outbox implements Connection {
  readonly #outlet: Outlet;
  #fresh: string[] = [];
  #freshBytes = 0;
  #unwritten: Uint8Array | undefined;
  #scheduled = false;
  #ending = false;
  #waiters: (() => void)[] = [];
  closed = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  send(frame: string): void {
    if (this.closed || this.#ending) return;
    if (this.#waiting > MAX_WAITING_BYTES) {
      this.#outlet.terminate();
      return this.gone();
    }
    this.#fresh.push(frame, '\n');
    this.#freshBytes += frame.length + 1;
    this.#schedule();
  }

  end(): void {
    if (this.closed || this.#ending) return;
    this.#ending = true;
    if (this.#waiting === 0) return this.#outlet.end();
    this.#schedule();
    setTimeout(() => {
      if (!this.closed) this.#outlet.terminate();
    }, LAST_WORDS_MS).unref();
  }

  /** Nothing more is said. */
  get ending(): boolean {
    return this.#ending;
  }

  drained(): Promise<void> {
    if (this.closed || this.#waiting <= LOW_WATER_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  pause(): void {
    if (!this.closed) this.#outlet.pause();
  }

  resume(): void {
    if (!this.closed) this.#outlet.resume();
  }

  /** Writes what waits, as far as the socket takes it: after each turn's sends, and when it drained. */
  flush(): void {
    this.#scheduled = false;
    if (this.closed) return;
    for (let bytes = this.#take(); bytes !== undefined; bytes = this.#take()) {
      const written = Math.max(0, this.#outlet.write(bytes));
      this.#unwritten = written < bytes.length ? bytes.subarray(written) : undefined;
      if (this.#unwritten !== undefined) break;
    }
    if (this.#waiting <= LOW_WATER_BYTES) this.#wake();
    if (this.#ending && this.#waiting === 0) this.#outlet.end();
  }

  /** Nobody is there any more. */
  gone(): void {
    this.closed = true;
    this.#fresh = [];
    this.#freshBytes = 0;
    this.#unwritten = undefined;
    this.#wake();
  }

  get #waiting(): number {
    return this.#freshBytes + (this.#unwritten?.length ?? 0);
  }

  /** Old bytes alone first: joining new ones to a long rest each time would copy it again and again. */
  #take(): Uint8Array | undefined {
    if (this.#unwritten !== undefined) return this.#unwritten;
    if (this.#fresh.length === 0) return undefined;
    const text = this.#fresh.join('');
    this.#fresh = [];
    this.#freshBytes = 0;
    return utf8.encode(text);
  }

  #schedule(): void {
    // While bytes wait for the system, its `drain` flushes; writing before would only be refused.
    if (this.#scheduled || this.#unwritten !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
