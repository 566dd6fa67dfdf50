/** Calls the other side has made: run, cancelled, answered; streams paced by credit and by the socket. */
import { Failure } from '../protocol/failures.ts';
import { STREAM_CREDIT, type RpcId } from '../protocol/wire.ts';
import type { Connection } from './connection.ts';
import { toRpcError } from './faults.ts';

export interface IncomingCall {
  readonly method: string;
  readonly params: unknown;
  /** Aborted when the caller no longer wants the answer or is gone. */
  readonly signal: AbortSignal;
  /** Tells the caller where the stream begins that this call answers with. */
  readonly begin: (cursor: string) => void;
}

export type Answer = { readonly value: unknown } | { readonly items: AsyncIterable<unknown> };
export type Serve = (call: IncomingCall) => Promise<Answer>;

/** One session's calls at once; a client that needs more waits for answers first. */
const MAX_CALLS = 1_024;
/** Characters of all their frames together: what waits for mail is kept whole as long as it waits. */
const MAX_CALL_CHARACTERS = 8 * 1_048_576;
/** Credit a reader may pile up. */
const MAX_CREDIT = 16 * STREAM_CREDIT;

interface Running {
  readonly abort: AbortController;
  credit: number;
  more: (() => void) | undefined;
}

export class Serving {
  readonly #connection: Connection;
  readonly #serve: Serve;
  readonly #running = new Map<RpcId, Running>();
  readonly #idle: (() => void)[] = [];
  #characters = 0;

  constructor(connection: Connection, serve: Serve) {
    this.#connection = connection;
    this.#serve = serve;
  }

  /** `characters`: how long its frame was. */
  request(id: RpcId, method: string, params: unknown, characters: number): void {
    const refused = this.#refusal(id, characters);
    if (refused !== undefined) return this.#reply(id, { error: toRpcError(refused) });
    const running: Running = { abort: new AbortController(), credit: STREAM_CREDIT, more: undefined };
    this.#running.set(id, running);
    this.#characters += characters;
    const begin = (cursor: string): void => this.#notify('rpc.begin', { id, cursor });
    const call = { method, params, signal: running.abort.signal, begin };
    void this.#run(id, call, running).finally(() => {
      this.#characters -= characters;
    });
  }

  cancel(id: RpcId): void {
    const running = this.#running.get(id);
    running?.abort.abort(new Failure('interrupted', 'the caller no longer wants the answer'));
    running?.more?.();
  }

  credit(id: RpcId, count: unknown): void {
    const running = this.#running.get(id);
    if (running === undefined || typeof count !== 'number' || !(count > 0)) return;
    running.credit = Math.min(MAX_CREDIT, running.credit + Math.floor(count));
    running.more?.();
  }

  cancelAll(): void {
    for (const id of [...this.#running.keys()]) this.cancel(id);
  }

  /** Resolves when nothing runs. */
  settled(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #refusal(id: RpcId, characters: number): Failure | undefined {
    if (this.#running.has(id))
      return new Failure('invalid', `wanted a new id, found ${id}, which is under way`);
    if (this.#running.size >= MAX_CALLS)
      return new Failure('busy', `wanted at most ${MAX_CALLS} calls of one session at once`);
    if (this.#characters + characters <= MAX_CALL_CHARACTERS) return undefined;
    return new Failure(
      'busy',
      `wanted at most ${MAX_CALL_CHARACTERS} characters in the calls of one session at once`,
    );
  }

  async #run(id: RpcId, call: IncomingCall, running: Running): Promise<void> {
    try {
      const answer = await this.#serve(call);
      const result = 'items' in answer ? await this.#pour(id, answer.items, running) : answer.value;
      this.#reply(id, { result: result ?? null });
    } catch (error) {
      this.#reply(id, { error: toRpcError(error) });
    } finally {
      this.#running.delete(id);
      if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #pour(id: RpcId, items: AsyncIterable<unknown>, running: Running): Promise<{ ended: true }> {
    for await (const value of items) {
      this.#notify('rpc.next', { id, value });
      running.credit -= 1;
      await this.#connection.drained();
      while (running.credit <= 0 && !running.abort.signal.aborted) {
        await new Promise<void>((resolve) => {
          running.more = resolve;
        });
      }
      if (running.abort.signal.aborted || this.#connection.closed) break;
    }
    return { ended: true };
  }

  #notify(method: string, params: unknown): void {
    this.#connection.send(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  #reply(id: RpcId, outcome: { result: unknown } | { error: unknown }): void {
    this.#connection.send(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }));
  }
}
