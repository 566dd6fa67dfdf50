/** The heartbeat channel: a REQ that gets its own bytes back while the kernel's process lives. */
import type { Endpoint } from './zmtp/endpoint.ts';
import { Link } from './zmtp/link.ts';

const DELIMITER = Buffer.alloc(0);

export class Heartbeat implements Disposable {
  readonly #link: Link;
  #count = 0;
  #answer: ((count: number) => void) | undefined;
  #absent: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(endpoint: Endpoint) {
    this.#link = new Link(
      { endpoint, type: 'REQ', identity: () => '' },
      {
        message: ([delimiter, body]) => {
          if (delimiter?.length === 0 && body?.length === 4) this.#answer?.(body.readUInt32BE());
        },
        down: ({ absent }) => {
          if (absent) this.#absent?.();
        },
      },
    );
  }

  /** Milliseconds to the answer; undefined: none came in time, or nobody listens. One at a time: REP answers in turn. */
  async beat(withinMs: number): Promise<number | undefined> {
    const beaten = this.#last.then(() => this.#beat(withinMs));
    this.#last = beaten;
    return await beaten;
  }

  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #beat(withinMs: number): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const begun = performance.now();
    this.#count += 1;
    const count = this.#count;
    const body = Buffer.alloc(4);
    body.writeUInt32BE(count);
    this.#answer = (found) => {
      if (found === count) resolve(performance.now() - begun);
    };
    const timer = setTimeout(() => resolve(undefined), withinMs);
    // Nobody listens there: no reason to wait for the time to pass.
    this.#absent = () => resolve(undefined);
    if (this.#link.absent) resolve(undefined);
    const takeBack = this.#link.send([DELIMITER, body]);
    const took = await promise;
    clearTimeout(timer);
    this.#answer = undefined;
    this.#absent = undefined;
    // A REP that owes an answer takes no other question: a fresh connection owes nothing.
    if (took === undefined && !takeBack()) this.#link.renew();
    return took;
  }
}
