/** A broker on a store in memory, with a clock the test turns: the smallest whole world of the core. */
import { Broker, type OpenSession } from '../../src/core/broker.ts';
import { LocalWake } from '../../src/core/wake.ts';
import { defaultPolicy, type Policy } from '../../src/core/policy.ts';
import type { Blobs, Clock, Ids, Store } from '../../src/core/ports.ts';
import type { Caller } from '../../src/protocol/wire.ts';

export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #mono = 1_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  mono(): number {
    return this.#mono;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#mono + milliseconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  turn(run: () => void): void {
    setImmediate(run);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    this.#mono += milliseconds;
    const due = this.#timers.filter((timer) => timer.at <= this.#mono);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#mono);
    for (const timer of due) timer.run();
  }

  /** The wall clock alone jumps, as when somebody sets it. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** Ids that are the same in every run, so that a failing seed can be repeated. */
export function countedIds(): Ids {
  let count = 0;
  const uuid = (number: bigint): string => {
    const hex = number.toString(16).padStart(32, '0');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  const hash = (text: string): Uint8Array => new Bun.CryptoHasher('sha256').update(text).digest();
  return {
    message: () => uuid(BigInt((count += 1))),
    derived: (...words) =>
      uuid(BigInt(`0x${Buffer.from(hash(JSON.stringify(words)).subarray(0, 16)).toString('hex')}`)),
    hash,
  };
}

export const noBlobs: Blobs = {
  adopt: async () => ({ ok: false, code: 'no_such_file', message: 'this test has no blobs' }),
  path: (sha256) => `/blobs/${sha256}`,
  holds: () => true,
  missing: async () => [],
  discard: async () => {},
  sweep: async () => {},
};

export interface World {
  readonly clock: FakeClock;
  readonly broker: Broker;
  readonly store: Store;
  policy: Policy;
  readonly live: Set<number>;
  enter(name: string, kind?: Caller['kind'], borrowed?: boolean): Promise<OpenSession>;
  tend(): Promise<void>;
  /** The same store under a new broker: a daemon that was killed and came back. */
  restart(): void;
}

/** Each name's key is made from the name, so that the same name is the same agent in every session. */
export const keyOf = (name: string): string =>
  new Bun.CryptoHasher('sha256').update(name).digest('base64url');

export function openWorld(store: Store): World {
  const clock = new FakeClock();
  const ids = countedIds();
  const live = new Set<number>();
  const state = { policy: defaultPolicy };
  const make = (): Broker =>
    new Broker({
      store,
      blobs: noBlobs,
      wake: new LocalWake(),
      clock,
      ids,
      processes: { alive: (anchor) => live.has(anchor.pid) },
      policy: () => state.policy,
      due: () => {},
      control: {
        status: () => ({
          pid: 1,
          version: '0',
          protocol: 1,
          startedAt: 0,
          home: '',
          socket: '',
          connections: 0,
          memoryBytes: 0,
        }),
        stop: () => {},
        reload: async () => {},
        examine: async () => {
          const { problems, blobs: files } = await store.verify();
          const missing = await noBlobs.missing(files);
          return { problems, missingBlobs: missing.map((sha256) => noBlobs.path(sha256)) };
        },
      },
    });
  let broker = make();
  return {
    clock,
    store,
    live,
    get broker() {
      return broker;
    },
    get policy() {
      return state.policy;
    },
    set policy(policy) {
      state.policy = policy;
    },
    enter: async (name, kind = 'script', borrowed = false) =>
      broker.open({
        caller: { client: 'test', kind, pid: 1 },
        credential: { name, key: keyOf(name) },
        borrowed,
      }),
    tend: async () => {
      while ((await broker.tend()).more);
    },
    restart: () => {
      broker = make();
    },
  };
}
