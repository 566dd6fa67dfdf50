/** Work waiting for one kernel: in turn among owners, in order within an owner's own. */

export class FairQueue<T> {
  /** Owners, the next to be served first. */
  readonly #waiting = new Map<string, T[]>();

  get size(): number {
    return this.all().length;
  }

  add(owner: string, work: T): void {
    const own = this.#waiting.get(owner);
    if (own === undefined) this.#waiting.set(owner, [work]);
    else own.push(work);
  }

  take(): T | undefined {
    for (const [owner, own] of this.#waiting) {
      // To the end of the line with what is left: the others come first.
      this.#waiting.delete(owner);
      const work = own.shift();
      if (own.length > 0) this.#waiting.set(owner, own);
      if (work !== undefined) return work;
    }
    return undefined;
  }

  remove(work: T): boolean {
    for (const [owner, own] of this.#waiting) {
      const at = own.indexOf(work);
      if (at < 0) continue;
      own.splice(at, 1);
      if (own.length === 0) this.#waiting.delete(owner);
      return true;
    }
    return false;
  }

  /** As it will be served. */
  all(): readonly T[] {
    const lines = [...this.#waiting.values()];
    const longest = Math.max(0, ...lines.map((line) => line.length));
    return Array.from({ length: longest }, (_, at) => lines.flatMap((line) => line.slice(at, at + 1))).flat();
  }
}
