/**
 * Says of what was written to a stream (of HTTP, or of `ipc watch`) that it was offered; what comes while one
 * such call is under way goes in the next.
 */
import type { Delivered, Door } from '../protocol/model.ts';
import type { Operations } from '../protocol/operations.ts';

const MOST = 1_000;

export class Offers {
  readonly #operations: Operations;
  readonly #by: { readonly reader: string; readonly door: Door };
  #waiting: { readonly id: Delivered['id']; readonly attempt: number }[] = [];
  #busy = false;

  constructor(operations: Operations, by: { readonly reader: string; readonly door: Door }) {
    this.#operations = operations;
    this.#by = by;
  }

  add({ id, attempt }: Delivered): void {
    this.#waiting.push({ id, attempt });
    // What breaks the connection shows in the stream itself; the offer is then simply not claimed.
    if (!this.#busy) void this.#send().catch(() => undefined);
  }

  async #send(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting.length > 0) {
        const deliveries = this.#waiting.splice(0, MOST);
        await this.#operations.confirm({ ...this.#by, stage: 'offered', deliveries });
      }
    } finally {
      this.#busy = false;
    }
  }
}
