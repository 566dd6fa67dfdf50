/**
 * Everyone's way to the daemon: `Operations` over a connection that comes when it is first needed and
 * comes back when it breaks. A call that may be repeated is sent again with the same id; any other
 * is reported as unknown, never guessed (design §4).
 */
import { Failure } from '../protocol/failures.ts';
import type { CallOptions, Input, Operations, StreamOptions } from '../protocol/operations.ts';
import type { Caller, Credential, Welcome } from '../protocol/wire.ts';
import { pause } from '../system/clock.ts';
import { messageId } from '../system/ids.ts';
import { version as ownVersion } from '../system/version.ts';
import type { Connection, Receiver } from './connection.ts';
import { isBroken, isNotBegun } from './faults.ts';
import { foreign, Link } from './link.ts';
import { methodFacts, type MethodFacts } from './methods.ts' with { type: 'macro' };
import type { Serve } from './incoming-calls.ts';

export interface ClientParts {
  /** Connects, starting a daemon when there is none and that is wanted. */
  readonly connect: (receive: (connection: Connection) => Receiver) => Promise<void>;
  readonly caller: Caller;
  /** `discard` is called when the daemon refuses the name. */
  readonly credential?: (Credential & { readonly discard?: () => void }) | undefined;
  readonly borrowed?: boolean | undefined;
  readonly secret?: (() => string | undefined) | undefined;
  /** Answers what the daemon asks of this session. */
  readonly serve?: Serve | undefined;
  readonly version?: string | undefined;
  /** How long a daemon may take to greet back; 5 s when absent. */
  readonly helloMs?: number | undefined;
  /** After such a silence a daemon that owes an answer is asked whether it lives; 4 s when absent. */
  readonly silenceMs?: number | undefined;
  /** Called once, when the first call has left: while the daemon works on it, our time is free. */
  readonly meanwhile?: (() => void) | undefined;
}

/** Breaks in a row after which the daemon counts as unreachable. */
const MAX_BREAKS = 20;
const PAUSE_MS = 25;
/** An older daemon has this long to finish. */
const HANDOVER_MS = 10_000;
const NAME_REFUSED = /^(credential_refused|name_forwarding|invalid_name)$/;

const neverGreets = (): Failure => foreign('it hangs up before it answers a hello');
const breakMs = (breaks: number): number => Math.min(breaks, 4) * PAUSE_MS;

type Params = Readonly<Record<string, unknown>>;

export class Client {
  readonly operations: Operations;
  readonly #parts: ClientParts;
  #credential: Credential | undefined;
  /** A name this session holds: it is held again before anything else is said on a new connection. */
  #held: Input<'register'> | undefined;
  #link: Promise<Link> | undefined;
  /** The link that promise was kept with. */
  #current: Link | undefined;
  #handover: Promise<void> | undefined;
  #meanwhile: (() => void) | undefined;
  #closed = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#credential = parts.credential;
    this.#meanwhile = parts.meanwhile;
    const operations: Record<string, unknown> = {};
    for (const method of methodFacts()) operations[method.name] = this.#operation(method);
    // The table's own names, each with the shape its row says; only the record forgets it.
    this.operations = operations as unknown as Operations;
  }

  /** What the daemon said to our hello; one that ends before it says so is followed by the next. */
  async welcome(): Promise<Welcome> {
    for (let breaks = 1; ; breaks += 1) {
      const link = await this.#connected();
      try {
        return await link.welcome();
      } catch (error) {
        if (!isBroken(error) || this.#closed) throw this.#refused(error);
        if (breaks >= MAX_BREAKS) throw neverGreets();
        this.#drop(link);
        await pause(breakMs(breaks));
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const link = await this.#link?.catch(() => undefined);
    link?.peer.end(new Failure('interrupted', 'this client was closed'));
  }

  #operation(method: MethodFacts) {
    if (method.stream)
      return (input: Params, options: StreamOptions = {}) => this.#stream(method, input, options);
    return (input: Params, options: CallOptions = {}) => this.#call(method, input, options);
  }

  async #call(method: MethodFacts, input: Params, options: CallOptions): Promise<unknown> {
    const params = method.makesId && input['id'] === undefined ? { ...input, id: messageId() } : input;
    const safe = isSafe(method, params);
    for (let breaks = 1; ; breaks += 1) {
      const link = await this.#connected();
      let begun = false;
      try {
        // Behind a hello nobody answers, nobody knows whether it was done: this one waits for the answer.
        if (!safe && !link.greeted) await link.welcome();
        begun = !link.over;
        const answering = link.call(method.name, params, options.signal);
        this.#useTime();
        const answer = await answering;
        this.#remember(method.name, params, answer);
        return answer;
      } catch (error) {
        const unsure = begun && !safe;
        const recovery = this.#recover(link, { error, method, unsure, breaks, signal: options.signal });
        await recovery.catch((why: unknown) => {
          throw begun && method.makesId ? perhapsStored(why, params['id']) : why;
        });
      }
    }
  }

  async *#stream(method: MethodFacts, input: Params, options: StreamOptions): AsyncGenerator {
    let after: string | undefined;
    let breaks = 1;
    const { signal } = options;
    const begun = (cursor: string): void => {
      breaks = 0;
      // Before its first item it goes on where it began: what came while nobody was connected is not missed.
      if (after !== undefined) return;
      after = cursor;
      options.begin?.(cursor);
    };
    for (; signal?.aborted !== true; breaks += 1) {
      const link = await this.#connected();
      try {
        for await (const item of link.stream(method.name, goOn(input, after), { signal, begun })) {
          // On a new connection it goes on where this one stopped.
          if (hasCursor(item)) after = item.cursor;
          breaks = 0;
          yield item;
        }
        return;
      } catch (error) {
        const unsure = !method.safe;
        await this.#recover(link, { error, method, unsure, breaks, signal });
      }
    }
  }

  /** Returns when the call is to be made again; throws what the caller is to be told. */
  async #recover(
    link: Link,
    fault: {
      error: unknown;
      method: MethodFacts;
      /** It left, and to do it twice is not to do it once. */
      unsure: boolean;
      breaks: number;
      signal: AbortSignal | undefined;
    },
  ): Promise<void> {
    const { error, method, unsure, breaks, signal } = fault;
    // A refused hello is why everything after it failed.
    const greeting = await link.welcome().then(
      () => undefined,
      (why: unknown) => why,
    );
    if (greeting !== undefined && !isBroken(greeting)) throw this.#refused(greeting);
    if (signal?.aborted === true || this.#closed) throw error;
    if (isNotBegun(error) && link.outdated) return this.#replace(link);
    if (!isNotBegun(error) && !isBroken(error)) throw error;
    if (!isNotBegun(error) && unsure) {
      throw new Failure(
        'daemon_unavailable',
        `the connection broke before ${method.name} was answered; whether it was done is not known`,
      );
    }
    if (breaks >= MAX_BREAKS) throw link.greeted ? error : neverGreets();
    this.#drop(link);
    await pause(breakMs(breaks));
  }

  #connected(): Promise<Link> {
    if (this.#closed) return Promise.reject(new Failure('interrupted', 'this client was closed'));
    this.#link ??= this.#open();
    return this.#link;
  }

  async #open(breaks = 1): Promise<Link> {
    try {
      const link = await Link.open({
        connect: this.#parts.connect,
        version: this.#parts.version ?? ownVersion,
        caller: this.#parts.caller,
        credential: this.#credential,
        borrowed: this.#parts.borrowed ?? false,
        secret: this.#parts.secret,
        serve: this.#parts.serve,
        helloMs: this.#parts.helloMs,
        silenceMs: this.#parts.silenceMs,
      });
      this.#current = link;
      void link.ended().then(() => this.#drop(link));
      if (this.#held !== undefined) await this.#holdAgain(link, this.#held);
      return link;
    } catch (error) {
      if (isBroken(error) && breaks < MAX_BREAKS && !this.#closed) {
        await pause(PAUSE_MS);
        return this.#open(breaks + 1);
      }
      this.#link = undefined;
      throw error;
    }
  }

  /** Under the name the agent has by now: to ask for the one it had would take that back from a rename. */
  async #holdAgain(link: Link, held: Input<'register'>): Promise<void> {
    const welcome = await link.welcome().catch(() => undefined);
    const name = welcome?.agent ?? held.name;
    this.#held = { ...held, ...(name === undefined ? {} : { name }) };
    if (name !== undefined) this.#credential = { name, key: held.key };
    link.call('register', this.#held).catch(() => undefined);
  }

  #useTime(): void {
    const meanwhile = this.#meanwhile;
    if (meanwhile === undefined) return;
    this.#meanwhile = undefined;
    // What was sent leaves at the end of this turn's tasks, of which this is the next.
    queueMicrotask(meanwhile);
  }

  #drop(link: Link): void {
    if (this.#current !== link) return;
    this.#current = undefined;
    this.#link = undefined;
  }

  /** Asks an older daemon to finish and waits until it is gone; the next connection starts ours. */
  #replace(link: Link): Promise<void> {
    if (link.over) return Promise.resolve();
    this.#handover ??= this.#stop(link).finally(() => {
      this.#handover = undefined;
      this.#drop(link);
    });
    return this.#handover;
  }

  async #stop(link: Link): Promise<void> {
    const reason = `replaced by version ${this.#parts.version ?? ownVersion}`;
    link.call('daemon.stop', { reason }).catch(() => undefined);
    await Promise.race([link.ended(), pause(HANDOVER_MS)]);
    if (link.over) return;
    throw new Failure('daemon_unavailable', 'wanted the older daemon to make room, it did not', {
      hint: 'ipc daemon restart',
    });
  }

  #refused(error: unknown): unknown {
    if (error instanceof Failure && NAME_REFUSED.test(error.code)) this.#parts.credential?.discard?.();
    return error;
  }

  /** Whom this session acts for, kept for the next connection. */
  #remember(method: string, params: Params, answer: unknown): void {
    if (method !== 'register' && method !== 'rename') return;
    const { name, to } = answer as { name?: string; to?: string };
    const key = params['key'] ?? this.#credential?.key;
    const acting = name ?? to;
    if (acting === undefined || typeof key !== 'string') return;
    this.#credential = { name: acting, key };
    if (params['hold'] === true || this.#held !== undefined) {
      this.#held = { ...this.#held, ...(method === 'register' ? params : {}), key, name: acting };
    }
  }
}

/** A registration without a name makes another agent each time. */
function isSafe(method: MethodFacts, params: Params): boolean {
  return method.safe && !(method.name === 'register' && params['name'] === undefined);
}

function hasCursor(item: unknown): item is { readonly cursor: string } {
  return typeof item === 'object' && item !== null && 'cursor' in item && typeof item.cursor === 'string';
}

function goOn(input: Params, after: string | undefined): Params {
  return after === undefined ? input : { ...input, after };
}

/** Nobody answered; or the disk failed to sync, and what it holds is not known. */
const UNSURE: ReadonlySet<string> = new Set(['daemon_unavailable', 'store_damaged']);

/** A message left, and nobody answered: sent again by hand it must carry the same id, or it is two. */
function perhapsStored(why: unknown, id: unknown): unknown {
  if (!(why instanceof Failure) || !UNSURE.has(why.code) || typeof id !== 'string') return why;
  return new Failure(why.code, `${why.message}; message ${id} may be stored all the same`, {
    hint: `ipc receipts ${id}`,
    details: { ...why.details, id },
    cause: why,
  });
}
