/** The beginning and the end of a long text, and how much lies between. */

export interface CutText {
  readonly head: string;
  /** Characters left out between head and tail; 0: head is everything. */
  readonly omitted: number;
  readonly tail: string;
}

export interface CutLimits {
  readonly head: number;
  readonly tail: number;
}

/** A slice keeps the string it was cut from in memory; beyond this it is worth a copy. */
const DETACH_FROM = 65_536;

export class CutKeeper {
  readonly #limits: CutLimits;
  #head = '';
  #tail = '';
  #omitted = 0;

  constructor(limits: CutLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#head.length + this.#tail.length;
  }

  add(text: string): void {
    const room = this.#omitted === 0 && this.#tail === '' ? this.#limits.head - this.#head.length : 0;
    const taken = Math.min(room, text.length);
    if (taken > 0) this.#head += detached(text, 0, taken);
    if (taken < text.length) this.#toTail(text, taken);
  }

  #toTail(text: string, from: number): void {
    const { tail } = this.#limits;
    const added = text.length - from;
    const kept = Math.min(added, tail);
    const before = this.#tail;
    this.#tail = before + detached(text, text.length - kept, text.length);
    this.#omitted += added - kept;
    // Cut in big steps: a slice at every piece would copy the tail at every piece.
    if (this.#tail.length > tail * 2) this.#trim();
  }

  #trim(): void {
    const over = this.#tail.length - this.#limits.tail;
    if (over <= 0) return;
    this.#omitted += over;
    this.#tail = copy(this.#tail.slice(over));
  }

  /** What is kept, with a text after it that is not yet final. */
  cut(live = ''): CutText {
    const whole = new CutKeeper(this.#limits);
    whole.#head = this.#head;
    whole.#tail = this.#tail;
    whole.#omitted = this.#omitted;
    whole.add(live);
    whole.#trim();
    if (whole.#omitted === 0)
      return { head: (whole.#head + whole.#tail).toWellFormed(), omitted: 0, tail: '' };
    return { head: whole.#head.toWellFormed(), omitted: whole.#omitted, tail: whole.#tail.toWellFormed() };
  }
}

export function cutText(text: string, limits: CutLimits): CutText {
  const keeper = new CutKeeper(limits);
  keeper.add(text);
  return keeper.cut();
}

/** For a reader: the gap is named, so that nobody takes head and tail for the whole. */
export function joined({ head, omitted, tail }: CutText): string {
  return omitted === 0 ? head : `${head}\n[… ${omitted} characters left out …]\n${tail}`;
}

function detached(text: string, from: number, to: number): string {
  const piece = from === 0 && to === text.length ? text : text.slice(from, to);
  return text.length > DETACH_FROM && piece.length < text.length ? copy(piece) : piece;
}

/** A slice of a giant keeps the giant in memory: for what stays, a string of its own. */
export function copy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
