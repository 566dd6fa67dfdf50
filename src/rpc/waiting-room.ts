/**
 * Connections that have not said hello yet, by the process they come from. When all places are taken one of
 * them gives up its own, the oldest of the process that has most: so whoever comes in crowds makes room for
 * others, and nobody else does.
 */
export class WaitingRoom<T> {
  readonly #byProcess = new Map<number, Set<T>>();

  enter(process: number, who: T): void {
    const others = this.#byProcess.get(process);
    if (others === undefined) this.#byProcess.set(process, new Set([who]));
    else others.add(who);
  }

  leave(process: number, who: T): void {
    const others = this.#byProcess.get(process);
    if (others?.delete(who) === true && others.size === 0) this.#byProcess.delete(process);
  }

  next(): T | undefined {
    let most: Set<T> | undefined;
    for (const others of this.#byProcess.values()) {
      if (others.size > (most?.size ?? 0)) most = others;
    }
    return most?.values().next().value;
  }
}
