/**
 * A ZMTP socket to one place that comes back by itself after a cut. A message that waits while there is
 * no connection can be taken back; one that was written is never repeated: the caller knows whether
 * repeating is safe, the transport does not.
 */
import { Connection, type ConnectionEnd } from './connection.ts';
import { type Endpoint, isNear } from './endpoint.ts';
import type { FrameLimits } from './frame.ts';
import type { SocketType } from './greeting.ts';

export interface LinkOptions {
  readonly endpoint: Endpoint;
  readonly type: SocketType;
  /** Asked at every connect: a plain ROUTER never again serves an identity it has seen (kernels.md §2.4, 2). */
  readonly identity: () => string;
  readonly handshakeMs?: number;
  readonly limits?: FrameLimits;
}

export interface LinkEvents {
  readonly up?: () => void;
  readonly down?: (end: ConnectionEnd) => void;
  readonly message: (frames: readonly Buffer[]) => void;
  readonly dropped?: (bytes: number) => void;
}

const FIRST_WAIT_MS = 5;
const NEAR_WAIT_MS = 250;
const FAR_WAIT_MS = 5_000;

interface Waiting {
  readonly frames: readonly Uint8Array[];
  takeBack: (() => boolean) | undefined;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #waiting = new Set<Waiting>();
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = 0;
  #closed = false;
  #absent = false;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#dial();
  }

  get up(): boolean {
    return this.#connection?.ready === true;
  }

  /** The last try found nobody listening. */
  get absent(): boolean {
    return this.#absent;
  }

  /** Answers a function that takes the message back: true when not a byte of it has left. */
  send(frames: readonly Uint8Array[]): () => boolean {
    if (this.#connection?.ready === true) return this.#connection.send(frames);
    const waiting: Waiting = { frames, takeBack: undefined };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting) || waiting.takeBack?.() === true;
  }

  /** Gives up this connection and makes another one at once, under a fresh identity. */
  renew(): void {
    if (this.#closed) return;
    this.#waitMs = 0;
    if (this.#connection === undefined) this.#dial();
    else this.#connection.close();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting.clear();
    this.#connection?.close();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { endpoint, type, identity, handshakeMs, limits } = this.#options;
    this.#connection = new Connection(
      endpoint,
      {
        type,
        identity: identity(),
        ...(handshakeMs === undefined ? {} : { handshakeMs }),
        ...(limits === undefined ? {} : { limits }),
      },
      {
        ready: () => this.#opened(),
        message: this.#events.message,
        dropped: (bytes) => this.#events.dropped?.(bytes),
        closed: (end) => this.#lost(end),
      },
    );
  }

  #opened(): void {
    this.#waitMs = 0;
    this.#absent = false;
    this.#events.up?.();
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      waiting.takeBack = this.#connection?.send(waiting.frames);
    }
  }

  #lost(end: ConnectionEnd): void {
    this.#connection = undefined;
    this.#absent = end.absent;
    if (this.#closed) return;
    this.#events.down?.(end);
    if (this.#timer !== undefined || this.#connection !== undefined) return;
    const longest = isNear(this.#options.endpoint) ? NEAR_WAIT_MS : FAR_WAIT_MS;
    const wait = this.#waitMs;
    this.#waitMs = Math.min(longest, wait === 0 ? FIRST_WAIT_MS : wait * 2);
    this.#timer = setTimeout(() => this.#dial(), wait);
  }
}
