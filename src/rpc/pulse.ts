/**
 * Whether the daemon that owes an answer still lives. A stopped one (SIGSTOP, a debugger, a dead disk) keeps
 * its connections open and says nothing, and whoever asked would wait for ever. So after a silence it is
 * asked for a sign of life, which even one that works on something long can give; without one, the calls
 * under way end. The connection stays: when the daemon goes on, everything on it does.
 */
export interface PulseParts {
  /** Grows with whatever the other side says. */
  readonly heard: () => number;
  readonly ask: () => void;
  /** Nothing came, for twice the silence. */
  readonly silent: () => void;
  readonly silenceMs?: number | undefined;
}

/** A daemon that says nothing for so long is asked, and given as long again. */
const SILENCE_MS = 4_000;

export class Pulse {
  readonly #parts: PulseParts;
  #owed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  /** The answer, watched until it is there. */
  async during<T>(answer: Promise<T>): Promise<T> {
    this.#owed += 1;
    if (this.#timer === undefined) this.#wait({ heard: this.#parts.heard(), asked: false });
    try {
      return await answer;
    } finally {
      this.#owed -= 1;
      if (this.#owed === 0) {
        clearTimeout(this.#timer);
        this.#timer = undefined;
      }
    }
  }

  #wait(last: { readonly heard: number; readonly asked: boolean }): void {
    this.#timer = setTimeout(() => {
      const heard = this.#parts.heard();
      if (heard !== last.heard) return this.#wait({ heard, asked: false });
      if (last.asked) this.#parts.silent();
      else this.#parts.ask();
      this.#wait({ heard, asked: !last.asked });
    }, this.#parts.silenceMs ?? SILENCE_MS);
  }
}
