/**
 * One end of a conversation in JSON-RPC 2.0. Both ends are alike: either may call, either may stream
 * (design §3). Unknown ids are ignored, since an answer may cross a cancel on its way; what is not
 * JSON-RPC at all ends the conversation, with a word why where one can still be sent.
 */
import { asFailure, Failure } from '../protocol/failures.ts';
import { MAX_FRAME_BYTES, type RpcId } from '../protocol/wire.ts';
import { settle, singleAnswer, StreamReader, type Following, type Waiting } from './outgoing-calls.ts';
import type { Connection, Receiver } from './connection.ts';
import { broken, toRpcError } from './faults.ts';
import { isTooDeep, lineSplitter, type Feed } from './frames.ts';
import { Serving, type Serve } from './incoming-calls.ts';
import type { Turns } from './turns.ts';

/** Longest frame a client takes from its daemon; the daemon takes `MAX_FRAME_BYTES` from anybody. */
export const MAX_ANSWER_BYTES = 64 * MAX_FRAME_BYTES;

export interface PeerParts {
  readonly connection: Connection;
  /** Longest frame that is taken from the other side, as of now. */
  readonly maxBytes: () => number;
  /** Shared with the daemon's other connections: whose turn it is. A client has one connection. */
  readonly turns?: Turns | undefined;
  readonly serve: Serve;
  /** The conversation is over. `garbage`: what came was not JSON-RPC. */
  readonly ended: (why: Failure, how: 'closed' | 'garbage') => void;
}

/** Characters of an id: it is kept while its call runs, and comes back in the answer. */
const MAX_ID = 256;

type Frame = Readonly<Record<string, unknown>>;

export class Peer implements Receiver {
  readonly #parts: PeerParts;
  readonly #serving: Serving;
  readonly #waiting = new Map<RpcId, Waiting>();
  readonly #listening = new Map<RpcId, () => void>();
  /** Calls that wait for one answer: not streams, whose silence means nothing. */
  readonly #asked = new Set<RpcId>();
  readonly #split: Feed;
  /** What came and has to wait for its turn; nothing more is read meanwhile. */
  #unread: Uint8Array | undefined;
  #frames = 0;
  #lastId = 0;
  #heard = 0;
  #over: Failure | undefined;
  /** Why this side hangs up: the connection may say that it is closed before `end` has gone on. */
  #leaving: { readonly why: Failure; readonly how: 'closed' | 'garbage' } | undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    this.#serving = new Serving(parts.connection, parts.serve);
    this.#split = lineSplitter(parts.maxBytes, (line) => this.#take(line));
  }

  call(method: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#open(method, params, (_id, leave) =>
        singleAnswer(
          (result) => {
            leave();
            resolve(result);
          },
          (failure) => {
            leave();
            reject(failure);
          },
        ),
      );
      this.#asked.add(id);
      this.#onAbort(id, signal);
    });
  }

  /** Grows with whatever the other side says. */
  get heard(): number {
    return this.#heard;
  }

  /** Waits no longer for single answers; the conversation goes on. */
  forsake(why: Failure): void {
    for (const id of this.#asked) {
      this.notify('rpc.cancel', { id });
      this.#waiting.get(id)?.failed(why);
    }
  }

  stream(method: string, params: unknown, following: Following = {}): AsyncIterableIterator<unknown> {
    let reader: StreamReader | undefined;
    const id = this.#open(method, params, (fresh, leave) => {
      reader = new StreamReader(
        fresh,
        {
          credit: (of, count) => this.notify('rpc.credit', { id: of, count }),
          cancel: (of) => this.notify('rpc.cancel', { id: of }),
        },
        leave,
        following.begun,
      );
      return reader;
    });
    this.#onAbort(id, following.signal);
    const source = reader;
    if (source === undefined) throw this.#over ?? broken('the connection is closed');
    return {
      next: () => source.next(),
      return: () => source.return(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  notify(method: string, params: unknown): void {
    this.#parts.connection.send(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  data(chunk: Uint8Array): void {
    this.#heard += 1;
    if (this.#unread === undefined) this.#read(chunk, this.#parts.turns?.share() ?? Infinity);
    // The system had read it before it was told to pause.
    else this.#unread = Buffer.concat([this.#unread, chunk]);
  }

  #read(chunk: Uint8Array, share: number): void {
    if (this.#over !== undefined) return;
    const { turns, connection } = this.#parts;
    const before = this.#frames;
    try {
      const rest = this.#split(chunk, share);
      turns?.spent(this.#frames - before);
      if (rest.length === 0 || turns === undefined) return;
      connection.pause();
      this.#unread = rest;
      turns.wait((next) => this.#goOn(next));
    } catch (error) {
      this.refuse(asFailure(error), 'garbage');
    }
  }

  #goOn(share: number): void {
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined) this.#read(unread, share);
    if (this.#unread === undefined) this.#parts.connection.resume();
  }

  closed(): void {
    const { why, how } = this.#leaving ?? { why: broken('the connection was closed'), how: 'closed' };
    this.#finish(why, how);
  }

  /** Says why and hangs up. */
  refuse(why: Failure, how: 'closed' | 'garbage' = 'closed'): void {
    if (this.#over !== undefined) return;
    this.#parts.connection.send(JSON.stringify({ jsonrpc: '2.0', id: null, error: toRpcError(why) }));
    this.end(why, how);
  }

  end(why: Failure, how: 'closed' | 'garbage' = 'closed'): void {
    this.#leaving ??= { why, how };
    this.#parts.connection.end();
    this.#finish(why, how);
  }

  /** Resolves when this side has answered everything it was asked. */
  settled(): Promise<void> {
    return this.#serving.settled();
  }

  #open(method: string, params: unknown, make: (id: RpcId, leave: () => void) => Waiting): RpcId {
    if (this.#over !== undefined) throw this.#over;
    const id = ++this.#lastId;
    const frame = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    if (frame.length * 3 > MAX_FRAME_BYTES && Buffer.byteLength(frame) > MAX_FRAME_BYTES) {
      throw new Failure(
        'too_large',
        `wanted a call of at most ${MAX_FRAME_BYTES} bytes, found ${Buffer.byteLength(frame)}`,
      );
    }
    this.#waiting.set(
      id,
      make(id, () => this.#forget(id)),
    );
    this.#parts.connection.send(frame);
    return id;
  }

  #onAbort(id: RpcId, signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = (): void => {
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) return;
      this.notify('rpc.cancel', { id });
      waiting.failed(new Failure('interrupted', 'the call was given up', { cause: signal.reason }));
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    // One signal may serve many calls: those that are over leave nothing on it.
    this.#listening.set(id, () => signal.removeEventListener('abort', stop));
  }

  #forget(id: RpcId): void {
    this.#waiting.delete(id);
    this.#asked.delete(id);
    this.#listening.get(id)?.();
    this.#listening.delete(id);
  }

  #take(line: string): void {
    if (this.#over !== undefined) return;
    this.#frames += 1;
    const frame = parse(line);
    const { id, method } = frame;
    if (typeof method === 'string') {
      if (id === undefined) return this.#notice(method, frame['params']);
      if (!isId(id)) throw new Failure('malformed', `wanted an id: a number or at most ${MAX_ID} characters`);
      return this.#serving.request(id, method, frame['params'], line.length);
    }
    if (!('result' in frame) && !('error' in frame))
      throw new Failure('malformed', 'wanted a JSON-RPC 2.0 frame');
    // An error without an id is about the conversation as a whole.
    if (id === null) return this.#hangUp(frame);
    const waiting = isId(id) ? this.#waiting.get(id) : undefined;
    if (waiting !== undefined) settle(waiting, frame);
  }

  #notice(method: string, params: unknown): void {
    const { id, value, count, cursor } = (
      typeof params === 'object' && params !== null ? params : {}
    ) as Frame;
    if (!isId(id)) return;
    if (method === 'rpc.next') this.#waiting.get(id)?.item(value);
    else if (method === 'rpc.begin' && typeof cursor === 'string') this.#waiting.get(id)?.begun(cursor);
    else if (method === 'rpc.credit') this.#serving.credit(id, count);
    else if (method === 'rpc.cancel') this.#serving.cancel(id);
  }

  #hangUp(frame: Frame): void {
    let why: Failure = broken('the connection was closed');
    settle(
      singleAnswer(
        () => undefined,
        (failure) => (why = failure),
      ),
      frame,
    );
    this.end(why);
  }

  #finish(why: Failure, how: 'closed' | 'garbage'): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    this.#unread = undefined;
    this.#serving.cancelAll();
    for (const waiting of [...this.#waiting.values()]) waiting.failed(why);
    this.#waiting.clear();
    this.#parts.ended(why, how);
  }
}

function parse(line: string): Frame {
  if (isTooDeep(line)) throw new Failure('malformed', 'wanted JSON of at most 64 levels, found deeper');
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Failure('malformed', 'wanted one JSON object a line, found something else', { cause: error });
  }
  if (typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0')
    return value;
  throw new Failure('malformed', 'wanted a JSON-RPC 2.0 frame, found other JSON');
}

function isId(id: unknown): id is RpcId {
  return (typeof id === 'string' && id.length <= MAX_ID) || (typeof id === 'number' && Number.isFinite(id));
}
