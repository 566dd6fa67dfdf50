/**
 * The HTTP door (`ipc serve`): one table of routes behind one guard. `http/` is a client of the daemon;
 * what it is given (`context.ts`) is all it knows of it. A crash here takes no message down.
 */
import { Failure } from '../protocol/failures.ts';
import type { Paths } from '../system/paths.ts';
import type { Token, TokenBook } from '../system/tokens.ts';
import { readBody } from './body.ts';
import { Budget } from './budget.ts';
import { Clients } from './clients.ts';
import type { Context, Handler, HttpLog, Open } from './context.ts';
import { type GuardRules, refuseBrowsers } from './guard.ts';
import { HeldStreams } from './held.ts';
import { failureOf, HttpFailure, outOfScope, problem, stopping } from './problem.ts';
import { Rates } from './rates.ts';

export interface Limits {
  readonly tokenPerMinute: number;
  readonly addressPerMinute: number;
  readonly streams: number;
  /** A connection that says nothing, or spells its headers out slowly, is cut off after this. */
  readonly idleSeconds: number;
  readonly keepAliveSeconds: number;
}

export interface HttpParts {
  readonly host: string;
  readonly port: number;
  readonly guard: GuardRules;
  readonly limits: Limits;
  readonly open: Open;
  readonly tokens: TokenBook;
  readonly paths: Paths;
  /** Whom what is posted to / goes to. */
  readonly defaultTo: () => string;
  readonly now: () => number;
  readonly log: HttpLog;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Takes nothing new, lets what is under way finish for a while, ends the streams. */
  stop(): Promise<void>;
}

export interface Route {
  /** Methods it answers; any other gets 405. */
  readonly methods: readonly string[];
  readonly handle: Handler;
  readonly bodyLimit: number;
}

/**
 * Largest body any route takes, a webhook of GitHub's; what is longer is cut off by the runtime before it
 * is kept in memory. A little more, so that the route itself says how much it takes.
 */
const MAX_BODY_BYTES = 26 * 1_048_576;
/** Of bodies in memory at once, of those who have a token and of those who have shown nothing yet. */
const BODIES_BYTES = 64 * 1_048_576;
const DRAIN_MS = 5_000;
/** Lines a minute of one kind that are logged one by one; the rest are counted. */
const LOG_LINES = 60;

/** One request's. */
interface Way {
  readonly url: URL;
  readonly route: Route;
  readonly bun: Bun.Server<undefined>;
  /** What is given back when it is answered. */
  readonly shares: DisposableStack;
}

export class HttpDoor {
  readonly #parts: HttpParts;
  readonly #find: (path: string) => Route | undefined;
  readonly #clients: Clients;
  readonly #held: HeldStreams;
  readonly #byToken: Rates;
  readonly #byAddress: Rates;
  readonly #draining = new AbortController();
  readonly #lines: Rates;
  readonly #known = new Budget(BODIES_BYTES);
  readonly #unknown = new Budget(BODIES_BYTES);
  #unlogged = 0;
  #streams = 0;

  constructor(parts: HttpParts, find: (path: string) => Route | undefined) {
    this.#parts = parts;
    this.#find = find;
    this.#clients = new Clients(parts.open);
    this.#held = new HeldStreams(parts.tokens, parts.now);
    const mono = (): number => performance.now();
    const { tokenPerMinute, addressPerMinute } = parts.limits;
    this.#lines = new Rates({ perMinute: LOG_LINES, burst: LOG_LINES, mono });
    this.#byToken = new Rates({ perMinute: tokenPerMinute, burst: Math.max(20, tokenPerMinute / 60), mono });
    this.#byAddress = new Rates({
      perMinute: addressPerMinute,
      burst: Math.max(20, addressPerMinute / 60),
      mono,
    });
  }

  start(): HttpServer {
    const server = listen(this.#parts, (request, bun) => this.#answer(request, bun));
    const port = server.port ?? this.#parts.port;
    const host = this.#parts.host.includes(':') ? `[${this.#parts.host}]` : this.#parts.host;
    return { port, url: `http://${host}:${port}`, stop: () => this.#stop(server) };
  }

  async #answer(request: Request, bun: Bun.Server<undefined>): Promise<Response> {
    using shares = new DisposableStack();
    try {
      // First of all: without a Host there is not even an address to look at.
      refuseBrowsers(request, this.#parts.guard);
      const url = addressOf(request);
      if (this.#draining.signal.aborted) throw stopping();
      const route = this.#find(url.pathname);
      if (route === undefined)
        throw new Failure('unknown_operation', 'wanted a route of this server; GET /v1 lists them', {
          hint: 'ipc help serve',
        });
      if (!route.methods.includes(request.method)) throw wrongMethod(route);
      return await route.handle(request, this.#context(request, { url, route, bun, shares }));
    } catch (error) {
      return this.#refuse(request, error);
    }
  }

  /** What was asked for is not logged: a query, a name or a Host may be anything, a token too. */
  #refuse(request: Request, error: unknown): Response {
    const { code, cause } = failureOf(error);
    const response = problem(error);
    const facts = { method: request.method, status: response.status, code };
    if (code === 'internal') this.#log('error', { ...facts, error: stackOf(cause) });
    else this.#log('refused', facts);
    return response;
  }

  /** Who is refused all day long must not fill a disk with it, nor crowd out what else there is to say. */
  readonly #log: HttpLog = (event, facts = {}) => {
    if (this.#lines.wait(event) > 0) this.#unlogged += 1;
    else {
      const more = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged };
      this.#unlogged = 0;
      this.#parts.log(event, { ...facts, ...more });
    }
  };

  #context(request: Request, { url, route, bun, shares }: Way): Context {
    const { paths, defaultTo, now, tokens } = this.#parts;
    const draining = this.#draining.signal;
    const peer = (): string => bun.requestIP(request)?.address ?? 'unknown';
    const limitAddress = (): void => this.#byAddress.take(peer(), 'from one address');
    let bytes: Promise<Uint8Array> | undefined;
    let budget = this.#unknown;
    return {
      url,
      get peer() {
        return peer();
      },
      paths,
      defaultTo,
      now,
      log: this.#log,
      get signal() {
        return AbortSignal.any([request.signal, draining]);
      },
      body: (limit = route.bodyLimit) => (bytes ??= readBody(request, limit, shares.use(budget.share()))),
      limitAddress,
      authorize: (scope) => {
        const secret = bearerOf(request);
        const token = secret === undefined ? undefined : tokenOf(tokens, secret, now());
        if (token === undefined) {
          // Only guesses are counted by address: nobody who has a token is kept out by those of others.
          limitAddress();
          throw unauthorized(secret);
        }
        budget = this.#known;
        this.#byToken.take(token.id, 'with one token');
        if (scope !== undefined && !token.scopes.includes(scope)) throw outOfScope(token, scope);
        return token;
      },
      use: (opening, work) => this.#clients.use(opening, work),
      borrow: (opening) => this.#clients.borrow(opening),
      patient: () => bun.timeout(request, 0),
      impatient: () => bun.timeout(request, this.#parts.limits.idleSeconds),
      keepAliveMs: this.#parts.limits.keepAliveSeconds * 1_000,
      streamPlace: () => this.#streamPlace(),
      whileHeld: (token) => this.#held.hold(token),
    };
  }

  #streamPlace(): Disposable {
    const { streams } = this.#parts.limits;
    if (this.#streams >= streams)
      throw new Failure('busy', `wanted at most ${streams} open streams`, { hint: 'ipc config list' });
    this.#streams += 1;
    return {
      [Symbol.dispose]: () => {
        this.#streams -= 1;
      },
    };
  }

  async #stop(server: Bun.Server<undefined>): Promise<void> {
    this.#draining.abort(stopping());
    this.#held.endAll();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, DRAIN_MS);
    await Promise.race([server.stop(), late.promise]);
    clearTimeout(timer);
    await server.stop(true);
    await this.#clients.close();
  }
}

function listen(
  { host, port, limits }: HttpParts,
  answer: (request: Request, bun: Bun.Server<undefined>) => Promise<Response>,
): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname: host,
      port,
      // Streams and waits lift it for themselves; without it a header could take for ever (slow loris).
      idleTimeout: limits.idleSeconds,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      // Else, outside development, Bun lets a second server share the port in silence (seen with 1.4.5).
      reusePort: false,
      fetch: answer,
      // A stream that was cut on purpose is no news.
      error: () => problem(new Failure('internal', 'the answer could not be made')),
    });
  } catch (error) {
    throw new Failure('cannot_create', `wanted to listen on ${host} port ${port}; ${reasonOf(error)}`, {
      hint: 'ipc serve --port <another>',
      details: { host, port },
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE') return 'another program listens there (EADDRINUSE), perhaps another ipc serve';
  return code === '' ? String(error) : code;
}

/** A Host may be ours by its name and still be none: 127.999.0.1, or a port over 65535. */
function addressOf(request: Request): URL {
  const url = URL.parse(request.url);
  if (url !== null) return url;
  throw new Failure('malformed', 'wanted a Host and a path that make an address', { hint: 'ipc help serve' });
}

/** What this home's own file lacks is not the caller's fault, nor for the caller to know. */
function tokenOf(tokens: TokenBook, secret: string, now: number): Token | undefined {
  try {
    return tokens.find(secret, now);
  } catch (error) {
    throw new Failure('internal', 'the tokens of this server cannot be read; its log says why', {
      hint: 'ipc token list',
      cause: error,
    });
  }
}

function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
}

function unauthorized(secret: string | undefined): HttpFailure {
  const found = secret === undefined ? 'none' : 'one that is unknown, revoked or over';
  return new HttpFailure(
    new Failure('credential_refused', `wanted Authorization: Bearer <token>, found ${found}`, {
      hint: 'ipc token create --agent <name>',
    }),
    { status: 401 },
  );
}

function wrongMethod({ methods }: Route): HttpFailure {
  return new HttpFailure(
    new Failure('invalid', `wanted ${methods.join(' or ')}`, { hint: 'ipc help serve' }),
    { status: 405, headers: { allow: methods.join(', ') } },
  );
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
