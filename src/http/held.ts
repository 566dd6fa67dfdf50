/** Streams that live as long as their token: ended within a blink of its revocation, and when the server drains. */
import type { Token, TokenBook } from '../system/tokens.ts';
import type { Held } from './context.ts';

/** The file of tokens is looked at so often while anything is open. */
const LOOK_MS = 200;

interface Open {
  readonly token: Token;
  readonly controller: AbortController;
}

export class HeldStreams {
  readonly #tokens: TokenBook;
  readonly #now: () => number;
  readonly #open = new Set<Open>();
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(tokens: TokenBook, now: () => number) {
    this.#tokens = tokens;
    this.#now = now;
  }

  hold(token: Token): Held {
    const open: Open = { token, controller: new AbortController() };
    this.#open.add(open);
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    return {
      signal: open.controller.signal,
      holds: () => this.#holds(token),
      [Symbol.dispose]: () => this.#leave(open),
    };
  }

  /** Ends all of them. */
  endAll(): void {
    for (const { controller } of this.#open) controller.abort();
  }

  #look(): void {
    for (const { token, controller } of this.#open) if (!this.#holds(token)) controller.abort();
  }

  #leave(open: Open): void {
    this.#open.delete(open);
    if (this.#open.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #holds({ id }: Token): boolean {
    try {
      return this.#tokens.holds(id, this.#now());
    } catch {
      // A file of tokens that cannot be read lets nobody in, and keeps nobody in.
      return false;
    }
  }
}
