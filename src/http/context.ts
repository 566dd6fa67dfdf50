/**
 * What the routes of the HTTP door are given. `http/` is a client of the daemon like every other: it is
 * handed a function that opens sessions with it and knows neither the socket nor the store.
 */
import type { AgentName } from '../protocol/names.ts';
import type { Operations } from '../protocol/operations.ts';
import type { Scope } from '../protocol/scopes.ts';
import type { Paths } from '../system/paths.ts';
import type { Token } from '../system/tokens.ts';

/** For whom a session with the daemon is opened, and as what. */
export interface Opening {
  readonly agent: AgentName;
  readonly kind: 'agent' | 'script' | 'webhook';
  /** It cannot be told who wrote what is passed on: it is not marked verified. */
  readonly unverified?: true;
  /** Program the sender used, as receivers are shown it. */
  readonly client: string;
  /** The agent's key, when it does not lie among those of the home. */
  readonly key?: string;
}

export interface OpenClient {
  readonly operations: Operations;
  close(): Promise<void>;
}

/** Opens a session with the daemon that acts for an agent with the key of this home. */
export type Open = (opening: Opening) => Promise<OpenClient>;

/** One line of the log: never a body, a token, a query or a path as it was asked for. */
export type HttpLog = (event: string, facts?: Readonly<Record<string, string | number | undefined>>) => void;

/** One request on its way, past the guard. */
export interface Context {
  readonly url: URL;
  /** Address the connection comes from. */
  readonly peer: string;
  readonly paths: Paths;
  /** Whom a message goes to that does not say it. */
  readonly defaultTo: () => string;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly log: HttpLog;
  /** Ends when the client has gone, or this server drains. */
  readonly signal: AbortSignal;
  /** The raw bytes, read once. Throws 413 over `limit` (the route's own when absent), 408 when they do not come. */
  body(limit?: number): Promise<Uint8Array>;
  /** Whom the bearer token stands for. Throws 401, 403 without the scope, 429 over its rate. */
  authorize(scope?: Scope): Token;
  /** Counts a request without a token against its address. Throws 429. */
  limitAddress(): void;
  /** A session with the daemon shared by all requests of the agent, until it has been idle for a while. */
  use<T>(opening: Opening, work: (operations: Operations) => Promise<T>): Promise<T>;
  /** As `use`, for as long as it is not disposed of. */
  borrow(opening: Opening): Promise<Borrowed>;
  /** Without this a request that stays quiet for long is cut off. */
  patient(): void;
  /** Takes `patient` back: a connection that does not even take the end of its answer is closed. */
  impatient(): void;
  /** A quiet stream says so often that it lives. */
  readonly keepAliveMs: number;
  /** One of the places there are for open streams. Throws 503 when all are taken. */
  streamPlace(): Disposable;
  /** An abort signal that fires when the token is revoked, runs out, or this server drains. */
  whileHeld(token: Token): Held;
}

export interface Borrowed extends Disposable {
  readonly operations: Operations;
}

export interface Held extends Disposable {
  readonly signal: AbortSignal;
  /** Asks now, without waiting for the next look. */
  holds(): boolean;
}

export type Handler = (request: Request, context: Context) => Promise<Response> | Response;
