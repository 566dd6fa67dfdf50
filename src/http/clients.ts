/** Sessions with the daemon, one for each agent and kind, shared by all requests that act for it. */
import { nameKey } from '../protocol/names.ts';
import type { Operations } from '../protocol/operations.ts';
import type { Borrowed, Open, OpenClient, Opening } from './context.ts';
import { failureOf } from './problem.ts';

/** A session nobody uses is closed after this: its agent is then seen as gone. */
const IDLE_MS = 60_000;

interface Entry {
  readonly client: Promise<OpenClient>;
  uses: number;
  idle: ReturnType<typeof setTimeout> | undefined;
}

export class Clients {
  readonly #open: Open;
  readonly #entries = new Map<string, Entry>();

  constructor(open: Open) {
    this.#open = open;
  }

  get size(): number {
    return this.#entries.size;
  }

  async use<T>(opening: Opening, work: (operations: Operations) => Promise<T>): Promise<T> {
    try {
      using borrowed = await this.borrow(opening);
      return await work(borrowed.operations);
    } catch (error) {
      if (failureOf(error).code !== 'not_registered') throw error;
      // Its agent was removed under it, so nothing was done: once more, as who comes for the first time.
      this.#forget(opening);
      using borrowed = await this.borrow(opening);
      return await work(borrowed.operations);
    }
  }

  async borrow(opening: Opening): Promise<Borrowed> {
    const key = keyOf(opening);
    const entry = this.#entries.get(key) ?? this.#enter(key, opening);
    clearTimeout(entry.idle);
    entry.uses += 1;
    try {
      const { operations } = await entry.client;
      return { operations, [Symbol.dispose]: once(() => this.#giveBack(key, entry)) };
    } catch (error) {
      // The next request tries anew.
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  async close(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of all) clearTimeout(entry.idle);
    await Promise.allSettled(all.map(async ({ client }) => (await client).close()));
  }

  #enter(key: string, opening: Opening): Entry {
    const entry: Entry = { client: this.#open(opening), uses: 0, idle: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #forget(opening: Opening): void {
    const key = keyOf(opening);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.uses === 0) end(entry);
  }

  #giveBack(key: string, entry: Entry): void {
    entry.uses -= 1;
    if (entry.uses > 0) return;
    if (this.#entries.get(key) !== entry) return end(entry);
    entry.idle = setTimeout(() => {
      this.#entries.delete(key);
      end(entry);
    }, IDLE_MS);
  }
}

function keyOf({ agent, kind, unverified, client, key = '' }: Opening): string {
  return [nameKey(agent), kind, unverified === true, client, key].join(' ');
}

function end(entry: Entry): void {
  clearTimeout(entry.idle);
  void entry.client.then(
    (client) => client.close(),
    () => undefined,
  );
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
