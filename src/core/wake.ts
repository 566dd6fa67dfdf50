/** Wake-ups inside one process: hints only, the store is the truth (design §3 "commit, then tell"). */
import type { Clock, Wake } from './ports.ts';
import type { AgentId } from './records/agents.ts';

export class LocalWake implements Wake {
  readonly #listeners = new Map<AgentId | null, Set<() => void>>();

  publish(agents: readonly AgentId[]): void {
    for (const agent of agents) this.#call(agent);
    if (agents.length > 0) this.#call(null);
  }

  subscribe(agent: AgentId | null, listener: () => void): () => void {
    const listeners = this.#listeners.get(agent) ?? new Set();
    this.#listeners.set(agent, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(agent) === listeners) this.#listeners.delete(agent);
    };
  }

  #call(agent: AgentId | null): void {
    const listeners = this.#listeners.get(agent);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) listener();
  }
}

/** A hint may be lost with the connection to another host: a waiter looks again after so long anyway. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Waits for hints. Open it before looking into the store: a hint that comes between the look and the
 * wait is remembered, so none is missed.
 */
export class Hints implements Disposable {
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;
  readonly #signal: AbortSignal | undefined;
  #hinted = false;
  #resume: (() => void) | undefined;

  constructor(parts: { wake: Wake; clock: Clock; agent: AgentId | null; signal?: AbortSignal | undefined }) {
    this.#clock = parts.clock;
    this.#signal = parts.signal;
    this.#unsubscribe = parts.wake.subscribe(parts.agent, () => this.#hint());
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#hint();

  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Resolves at the next hint, at the abort, or after `milliseconds` at the latest. */
  async next(milliseconds: number): Promise<void> {
    if (this.#hinted || this.aborted) {
      this.#hinted = false;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    const callOff = this.#clock.after(Math.min(milliseconds, LOOK_AGAIN_MS), resolve);
    await promise;
    callOff();
    this.#resume = undefined;
    this.#hinted = false;
  }

  #hint(): void {
    this.#hinted = true;
    this.#resume?.();
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
