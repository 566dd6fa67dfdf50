/**
 * How many frames the daemon takes in one turn of the event loop, and from whom: whoever sends a thousand at
 * once must not have all the others wait until they are done (frames that do nothing, sent as fast as one
 * process can, took another client's sends from 0.4 ms to 5 ms, p99 from 4 ms to 50 ms: measured).
 */

/** Of one connection. More than a client has outstanding that does not flood. */
const OF_ONE = 16;
/** Of all together: more would make one turn longer than a send may take. */
const OF_ALL = 32;

export class Turns {
  readonly #later: (run: () => void) => void;
  #left = OF_ALL;
  #waiting: ((share: number) => void)[] = [];
  #armed = false;

  /** `later` runs something in the next turn. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** Frames that a connection may take now; none while others wait for theirs. */
  share(): number {
    return this.#waiting.length > 0 ? 0 : Math.min(OF_ONE, this.#left);
  }

  spent(frames: number): void {
    this.#left -= frames;
    this.#arm();
  }

  /** Called with a share in a later turn, in the order in which they came. */
  wait(goOn: (share: number) => void): void {
    this.#waiting.push(goOn);
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#later(() => {
      this.#armed = false;
      this.#left = OF_ALL;
      const next = this.#waiting.splice(0, OF_ALL);
      const share = Math.min(OF_ONE, Math.floor(OF_ALL / Math.max(1, next.length)));
      for (const goOn of next) goOn(share);
      if (this.#waiting.length > 0) this.#arm();
    });
  }
}
