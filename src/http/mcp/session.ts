/**
 * One session of the Model Context Protocol over HTTP: one transport of the SDK, one log of events, one
 * server. It knows nothing of what is served; tests serve their own on it.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { Token } from '../../system/tokens.ts';
import type { Context } from '../context.ts';
import { EventLog } from './event-log.ts';
import { isStream, type Outcome, tapped } from './tap.ts';

/** What a session serves. */
export interface Served {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
  /** Whether a client that missed it has it again from the log of events; all of it when absent. */
  replays?(message: JSONRPCMessage): boolean;
  /** A stream of pushes is about to open; `known` tells what the client has of what was said before. */
  opening?(known: () => readonly JSONRPCMessage[]): Promise<void>;
  /** It is open, until the signal is aborted. */
  opened?(until: AbortSignal): void;
  /** A request has come, with the token as it is now. */
  asked?(token: Token): void;
  /** No stream is open, and nothing was asked for a while. */
  quiet?(): void;
}

/** The client's side of a session, as what is served sees it. */
export interface Line {
  readonly id: string;
  readonly token: Token;
  /** Of the request that began the session. */
  readonly headers: Headers;
  /** A stream of pushes is open. */
  readonly streams: boolean;
  /** Milliseconds since the client was heard of; 0 while a stream is open or an answer is under way. */
  silentMs(): number;
  /** Ends the session: its client has to begin another. */
  end(): Promise<void>;
}

export type Serve = (line: Line) => Served;

interface SessionParts {
  readonly id: string;
  readonly token: Token;
  readonly headers: Headers;
  readonly keepAliveMs: number;
  readonly serve: Serve;
  readonly ended: () => void;
}

/** With what a request came. */
interface Asked {
  readonly context: Context;
  readonly token: Token;
}

export class McpSession implements Line {
  readonly id: string;
  readonly token: Token;
  readonly headers: Headers;
  readonly #parts: SessionParts;
  readonly #log: EventLog;
  readonly #served: Served;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  /** How the answers under way fared. */
  readonly #answers = new Map<RequestId, Promise<Outcome>>();
  #stream: AbortController | undefined;
  #underWay = 0;
  #heardAt = performance.now();
  #ended = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.token = parts.token;
    this.headers = parts.headers;
    this.#served = parts.serve(this);
    this.#log = new EventLog((message) => this.#served.replays?.(message) ?? true);
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => parts.id,
      eventStore: this.#log,
      keepAliveMs: parts.keepAliveMs,
      onsessionclosed: () => this.end(),
    });
  }

  async connect(): Promise<void> {
    await this.#served.connect(this.#honest(this.#transport));
  }

  get streams(): boolean {
    return this.#stream !== undefined;
  }

  silentMs(): number {
    return this.streams || this.#underWay > 0 ? 0 : performance.now() - this.#heardAt;
  }

  quiet(): void {
    this.#served.quiet?.();
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.ended();
    this.#stream?.abort();
    await this.#served.close();
  }

  /** One message or several, read from the body already. */
  async post(request: Request, said: unknown, { context, token }: Asked): Promise<Response> {
    this.#heard(token);
    const outcome = Promise.withResolvers<Outcome>();
    const asked = (Array.isArray(said) ? said : [said]).filter((each) => isJSONRPCRequest(each));
    for (const { id } of asked) this.#answers.set(id, outcome.promise);
    this.#underWay += 1;
    void outcome.promise.then(() => {
      this.#underWay -= 1;
      this.#heardAt = performance.now();
      for (const { id } of asked) if (this.#answers.get(id) === outcome.promise) this.#answers.delete(id);
    });
    try {
      const response = await this.#transport.handleRequest(request, { parsedBody: said });
      if (!isStream(response)) {
        outcome.resolve('whole');
        return response;
      }
      context.patient();
      const answer = tapped(response);
      void answer.ended.then(outcome.resolve);
      return answer.response;
    } catch (error) {
      outcome.resolve('cut');
      throw error;
    }
  }

  /** The stream of pushes, or what was missed of an answer. */
  async get(request: Request, { context, token }: Asked): Promise<Response> {
    this.#heard(token);
    const last = request.headers.get('last-event-id') ?? '';
    const resumed = last === '' ? undefined : await this.#log.getStreamIdForEventId(last);
    if (resumed !== undefined && resumed !== PUSHES) return await this.#missed(request, context);
    // Who goes on where it was is the client itself: what it had before is dead, whether seen here or not.
    if (resumed !== undefined) this.#transport.closeStandaloneSSEStream();
    else if (this.streams) return refused(409, -32000, 'Conflict: a session has one stream');
    const stream = new AbortController();
    const before = this.#stream;
    this.#stream = stream;
    before?.abort();
    const ending = new DisposableStack();
    ending.defer(() => this.#close(stream));
    try {
      ending.use(context.streamPlace());
      const held = ending.use(context.whileHeld(this.token));
      await this.#served.opening?.(() => this.#log.settle(PUSHES, last));
      const response = await this.#transport.handleRequest(request);
      if (!isStream(response)) {
        ending.dispose();
        return response;
      }
      context.patient();
      held.signal.addEventListener('abort', () => this.#transport.closeStandaloneSSEStream(), { once: true });
      const answer = tapped(response);
      void answer.ended.then(() => ending.dispose());
      if (!stream.signal.aborted) this.#served.opened?.(stream.signal);
      return answer.response;
    } catch (error) {
      ending.dispose();
      throw error;
    }
  }

  async delete(request: Request): Promise<Response> {
    return await this.#transport.handleRequest(request);
  }

  async #missed(request: Request, context: Context): Promise<Response> {
    const response = await this.#transport.handleRequest(request);
    if (!isStream(response)) return response;
    context.patient();
    return tapped(response).response;
  }

  #heard(token: Token): void {
    this.#heardAt = performance.now();
    this.#served.asked?.(token);
  }

  #close(stream: AbortController): void {
    stream.abort();
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#heardAt = performance.now();
  }

  /**
   * The SDK counts an answer as sent when it lies in a queue. Here `send` fails when the connection was cut
   * before it was taken, so that nothing counts as handed over that nobody got.
   */
  #honest(transport: Transport): Transport {
    const send = transport.send.bind(transport);
    transport.send = async (message, options) => {
      const isAnswer = isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
      const outcome = isAnswer && message.id !== undefined ? this.#answers.get(message.id) : undefined;
      await send(message, options);
      if (outcome !== undefined && (await outcome) === 'cut')
        throw new Error('the connection was cut before the answer was taken');
    };
    return transport;
  }
}

/** What the SDK calls the stream of pushes of every session. */
const PUSHES = '_GET_stream';

/** An answer to what belongs to no request of the session. */
export function refused(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}
