/** Calls this side has made and that are not answered yet: single answers, and streams of items. */
import { Failure } from '../protocol/failures.ts';
import { STREAM_CREDIT, type RpcId } from '../protocol/wire.ts';
import { fromRpcError } from './faults.ts';

/** Something that waits for frames with its id. */
export interface Waiting {
  begun(cursor: string): void;
  item(value: unknown): void;
  done(result: unknown): void;
  failed(failure: Failure): void;
}

/** What a stream is given beside its parameters. */
export interface Following {
  readonly signal?: AbortSignal | undefined;
  /** Told where the stream begins, when the other side says so. */
  readonly begun?: ((cursor: string) => void) | undefined;
}

/** Sends frames that belong to one call. */
export interface Line {
  credit(id: RpcId, count: number): void;
  cancel(id: RpcId): void;
}

export function singleAnswer(
  resolve: (result: unknown) => void,
  reject: (failure: Failure) => void,
): Waiting {
  return { begun: () => undefined, item: () => undefined, done: resolve, failed: reject };
}

/**
 * A stream as its reader sees it. Items wait here until they are read, never more than the credit
 * given, and new credit is given only as they are read: a reader that stops, stops the writer.
 */
export class StreamReader implements Waiting, AsyncIterator<unknown> {
  readonly #id: RpcId;
  readonly #line: Line;
  readonly #leave: () => void;
  readonly begun: (cursor: string) => void;
  #items: unknown[] = [];
  #read = 0;
  #end: { failure: Failure | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(id: RpcId, line: Line, leave: () => void, begun: Following['begun']) {
    this.#id = id;
    this.#line = line;
    this.#leave = leave;
    this.begun = begun ?? (() => undefined);
  }

  item(value: unknown): void {
    // A writer that does not mind its credit is cut off before it fills our memory.
    if (this.#items.length >= 2 * STREAM_CREDIT) {
      this.#line.cancel(this.#id);
      this.failed(new Failure('malformed', `wanted at most ${STREAM_CREDIT} items under way, found more`));
      return;
    }
    this.#items.push(value);
    this.#wake?.();
  }

  done(): void {
    this.#finish(undefined);
  }

  failed(failure: Failure): void {
    // Its own reader gave it up: for a stream that is an end like any other.
    this.#finish(failure.code === 'interrupted' ? undefined : failure);
  }

  async next(): Promise<IteratorResult<unknown>> {
    while (this.#items.length === 0) {
      if (this.#end !== undefined) {
        if (this.#end.failure !== undefined) throw this.#end.failure;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const value = this.#items.shift();
    this.#read += 1;
    if (this.#read >= STREAM_CREDIT / 2 && this.#end === undefined) {
      this.#line.credit(this.#id, this.#read);
      this.#read = 0;
    }
    return { done: false, value };
  }

  return(): Promise<IteratorResult<unknown>> {
    if (this.#end === undefined) {
      this.#line.cancel(this.#id);
      this.#finish(undefined);
    }
    this.#items = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  #finish(failure: Failure | undefined): void {
    this.#end ??= { failure };
    this.#leave();
    this.#wake?.();
  }
}

/** What an answer frame says to whoever waits for it. */
export function settle(
  waiting: Waiting,
  frame: { readonly result?: unknown; readonly error?: unknown },
): void {
  if (frame.error !== undefined) waiting.failed(fromRpcError(frame.error));
  else waiting.done(frame.result);
}
