/**
 * `GET /v1/events`: what arrives for the token's agent, as server-sent events. An event's id is the durable
 * cursor, so a reader that comes back with `Last-Event-ID` goes on where it was, over restarts of this
 * server and of the daemon. A stream proves no reading: it only ever offers; the reader confirms with
 * `POST /v1/confirm`.
 */
import { Offers } from '../doors/offers.ts';
import { Failure } from '../protocol/failures.ts';
import type { Operations, Output } from '../protocol/operations.ts';
import type { Token } from '../system/tokens.ts';
import { openingOf, readerOf } from './api.ts';
import type { Context, Held } from './context.ts';
import { type Fields, fromQuery, type Mapped } from './mapping.ts';
import { failureOf } from './problem.ts';

type Item = Output<'watch'>;

/** A reader that takes nothing for so many keep-alives is cut off; its mail waits, and it can come back. */
const STUCK_TIMES = 4;
const utf8 = new TextEncoder();
const RETRY_MS = 1_000;

export async function handleEvents(request: Request, context: Context, operation: Mapped): Promise<Response> {
  const token = context.authorize(operation.scope);
  const said = fromQuery(operation, context.url.searchParams);
  const last = request.headers.get('last-event-id');
  const input = last === null || last === '' ? said : { ...said, after: last };
  const ending = new DisposableStack();
  try {
    ending.use(context.streamPlace());
    const { operations } = ending.use(await context.borrow(openingOf(token)));
    const held = ending.use(context.whileHeld(token));
    context.patient();
    ending.defer(() => context.impatient());
    const { keepAliveMs } = context;
    const stream = new EventStream({
      token,
      operations,
      held,
      input,
      keepAliveMs,
      end: () => ending.dispose(),
    });
    // What is wrong with the question gets a status, not a stream that ends.
    const cursor = await stream.begun();
    return new Response(stream.body(cursor), {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
  } catch (error) {
    ending.dispose();
    throw error;
  }
}

interface StreamParts {
  readonly token: Token;
  readonly operations: Operations;
  readonly held: Held;
  readonly input: Fields;
  readonly keepAliveMs: number;
  /** Gives back all that the stream holds. */
  readonly end: () => void;
}

type Controller = Pick<ReadableStreamDefaultController<Uint8Array>, 'close'> & {
  readonly enqueue: (chunk: Uint8Array<ArrayBuffer>) => void;
};

class EventStream {
  readonly #parts: StreamParts;
  readonly #items: AsyncIterator<Item>;
  readonly #gone = new AbortController();
  readonly #beginning = Promise.withResolvers<string>();
  readonly #offers: Offers;
  #controller: Controller | undefined;
  #next: Promise<IteratorResult<Item>> | undefined;
  #stuck: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const { held, operations, token } = parts;
    const signal = AbortSignal.any([held.signal, this.#gone.signal]);
    // What the query says is checked by the daemon, as every input is.
    const input = { ...parts.input, door: 'sse' as const };
    const begin = this.#beginning.resolve;
    this.#items = operations.watch(input, { signal, begin })[Symbol.asyncIterator]();
    this.#offers = new Offers(operations, { reader: readerOf(token), door: 'sse' });
    held.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** The cursor it begins at. Throws what the daemon says against it. */
  async begun(): Promise<string> {
    this.#next = this.#items.next();
    const failed = this.#next.then(({ done }) => {
      if (done === true) throw new Failure('interrupted', 'the stream ended before it began');
      return this.#beginning.promise;
    });
    return await Promise.race([this.#beginning.promise, failed]);
  }

  body(cursor: string): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          // Bun holds the headers back until the first byte. The id lets a reader come back that was shown nothing yet.
          this.#write(`: connected\nretry: ${RETRY_MS}\nid: ${cursor}\n\n`);
        },
        pull: () => this.#pull(),
        cancel: () => void this.#end(),
      },
      { highWaterMark: 1 },
    );
  }

  async #pull(): Promise<void> {
    clearTimeout(this.#stuck);
    try {
      const found = await this.#soon();
      if (found === 'quiet') this.#write(': keep-alive\n\n');
      else if (found.done === true || !this.#parts.held.holds()) return this.#close();
      else this.#show(found.value);
      this.#stuck = setTimeout(() => this.#close(), STUCK_TIMES * this.#parts.keepAliveMs);
    } catch (error) {
      this.#write(`event: problem\ndata: ${JSON.stringify(failureOf(error).body())}\n\n`);
      this.#close();
    }
  }

  /** The next item, or word that there has been none for a while. */
  async #soon(): Promise<IteratorResult<Item> | 'quiet'> {
    this.#next ??= this.#items.next();
    const quiet = Promise.withResolvers<'quiet'>();
    const timer = setTimeout(() => quiet.resolve('quiet'), this.#parts.keepAliveMs);
    try {
      const found = await Promise.race([this.#next, quiet.promise]);
      if (found !== 'quiet') this.#next = undefined;
      return found;
    } finally {
      clearTimeout(timer);
    }
  }

  #show(item: Item): void {
    this.#write(`id: ${item.cursor}\nevent: message\ndata: ${JSON.stringify(item)}\n\n`);
    // Said before the reader can confirm: on one connection the two keep their order.
    this.#offers.add(item.message);
  }

  #write(text: string): void {
    if (!this.#gone.signal.aborted) this.#controller?.enqueue(utf8.encode(text));
  }

  #close(): void {
    if (this.#end()) this.#controller?.close();
  }

  /** False: it had ended before. */
  #end(): boolean {
    clearTimeout(this.#stuck);
    if (this.#gone.signal.aborted) return false;
    this.#gone.abort(new Failure('interrupted', 'the stream has ended'));
    void this.#items.return?.();
    this.#parts.end();
    return true;
  }
}
