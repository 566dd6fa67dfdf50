/** One connection of a client: the hello leaves with its first call, after each side has proven itself. */
import { Failure } from '../protocol/failures.ts';
import { PROTOCOL, type Caller, type Credential, type Hello, type Welcome } from '../protocol/wire.ts';
import { randomText } from '../system/ids.ts';
import { proofOf, sameProof } from '../system/secret.ts';
import { compareVersions } from '../system/version.ts';
import type { Connection, Receiver } from './connection.ts';
import { broken, isBroken } from './faults.ts';
import { MAX_ANSWER_BYTES, Peer } from './peer.ts';
import { Pulse } from './pulse.ts';
import type { Serve } from './incoming-calls.ts';
import type { Following } from './outgoing-calls.ts';

export interface LinkParts {
  readonly connect: (receive: (connection: Connection) => Receiver) => Promise<void>;
  readonly version: string;
  readonly caller: Caller;
  readonly credential: Credential | undefined;
  readonly borrowed: boolean;
  /** Asked for once connected: on Windows it is a file of the home, which is there by then. */
  readonly secret: (() => string | undefined) | undefined;
  readonly serve: Serve | undefined;
  readonly helloMs: number | undefined;
  readonly silenceMs: number | undefined;
}

/** Whatever listens there has this long to greet back. */
const HELLO_MS = 5_000;
/** While it copies or checks the whole store the daemon hears nothing. */
const LONG_WORK = /^store\./;

export class Link {
  readonly peer: Peer;
  readonly #parts: LinkParts;
  readonly #ended: Promise<void>;
  readonly #pulse: Pulse;
  #welcomed: Welcome | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #garbage = false;
  #proof: string | undefined;
  #welcome: Promise<Welcome> | undefined;
  over = false;

  private constructor(parts: LinkParts, connection: Connection) {
    const ended = Promise.withResolvers<void>();
    this.#parts = parts;
    this.#ended = ended.promise;
    this.peer = new Peer({
      connection,
      maxBytes: () => MAX_ANSWER_BYTES,
      serve:
        parts.serve ??
        ((call) =>
          Promise.reject(new Failure('unknown_operation', `wanted nothing called ${call.method} here`))),
      ended: (_why, how) => {
        this.over = true;
        this.#garbage = how === 'garbage';
        clearTimeout(this.#silence);
        ended.resolve();
      },
    });
    this.#pulse = new Pulse({
      heard: () => this.peer.heard,
      ask: () => void this.peer.call('rpc.ping', {}).catch(() => undefined),
      silenceMs: parts.silenceMs,
      silent: () =>
        this.peer.forsake(silent(`does not answer any more (process ${this.#welcomed?.pid ?? 'unknown'})`)),
    });
  }

  /** Resolves when calls may be made. */
  static async open(parts: LinkParts): Promise<Link> {
    const opened = Promise.withResolvers<Link>();
    await parts.connect((connection) => {
      const link = new Link(parts, connection);
      opened.resolve(link);
      return link.peer;
    });
    const link = await opened.promise;
    try {
      const secret = parts.secret?.();
      if (secret !== undefined) link.#proof = await link.#challenge(secret);
      return link;
    } catch (error) {
      link.peer.end(broken('the hello failed'));
      throw link.#whatItIs(error);
    }
  }

  /** Settles when the daemon has answered the hello, which is said now unless it was said before. */
  welcome(): Promise<Welcome> {
    if (this.#welcome === undefined) {
      this.#welcome = this.#greet();
      this.#welcome.catch(() => undefined);
    }
    return this.#welcome;
  }

  call(method: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    void this.welcome();
    const answer = this.peer.call(method, params, signal);
    return LONG_WORK.test(method) ? answer : this.#pulse.during(answer);
  }

  stream(method: string, params: unknown, following: Following): AsyncIterableIterator<unknown> {
    void this.welcome();
    return this.peer.stream(method, params, following);
  }

  /** The daemon is an older version than this program: it only makes room. */
  get outdated(): boolean {
    return this.#welcomed !== undefined && compareVersions(this.#welcomed.version, this.#parts.version) < 0;
  }

  get greeted(): boolean {
    return this.#welcomed !== undefined;
  }

  /** Resolves when the connection is gone. */
  ended(): Promise<void> {
    return this.#ended;
  }

  async #greet(): Promise<Welcome> {
    const { version, caller, credential, borrowed } = this.#parts;
    const proof = this.#proof;
    const hello: Hello = {
      ...opening(version),
      caller,
      ...(credential === undefined ? {} : { credential: { name: credential.name, key: credential.key } }),
      ...(borrowed ? { borrowed } : {}),
      ...(proof === undefined ? {} : { proof }),
    };
    this.#awaitGreeting();
    try {
      const answer = await this.peer.call('rpc.hello', hello);
      if (!isWelcome(answer)) throw foreign('it answers a hello in another way');
      this.#welcomed = answer;
      return answer;
    } catch (error) {
      const why = this.#whatItIs(error);
      // What was sent behind the hello must not wait for an answer that will not come.
      this.peer.end(why instanceof Failure ? why : broken('the hello failed'));
      throw why;
    } finally {
      clearTimeout(this.#silence);
    }
  }

  /** The daemon proves first: only then does the credential leave this process. */
  async #challenge(secret: string): Promise<string> {
    const nonce = randomText(32);
    this.#awaitGreeting();
    const answer = await this.peer.call('rpc.hello', { ...opening(this.#parts.version), nonce });
    if (!isChallenge(answer)) throw foreign('it answers a challenge in another way');
    const nonces = { client: nonce, daemon: answer.nonce };
    if (sameProof(proofOf(secret, 'daemon', nonces), answer.proof)) return proofOf(secret, 'client', nonces);
    throw new Failure(
      'secret_mismatch',
      'wanted a daemon that proves the secret of this home; whoever answers here does not, and was told nothing',
      { hint: 'ipc doctor' },
    );
  }

  #awaitGreeting(): void {
    this.#silence ??= setTimeout(
      () => this.peer.end(silent('takes the connection and does not answer')),
      this.#parts.helloMs ?? HELLO_MS,
    );
  }

  #whatItIs(error: unknown): unknown {
    if (this.#garbage && this.#welcomed === undefined) return foreign('it speaks something else');
    return isBroken(error) ? broken('the connection was closed before the hello was answered') : error;
  }
}

function opening(version: string): Pick<Hello, 'protocol' | 'version'> {
  return { protocol: PROTOCOL, version };
}

export function foreign(found: string): Failure {
  return new Failure('daemon_foreign', `wanted our daemon on the socket, found something else: ${found}`);
}

/**
 * Stopped, or stuck: to dial again would only wait as long again. `silent` tells it from a daemon that
 * is not there; its pid stands in the log.
 */
function silent(found: string): Failure {
  return new Failure('daemon_unavailable', `wanted the daemon; it ${found}`, {
    hint: 'ipc daemon logs',
    details: { silent: true },
  });
}

function isWelcome(value: unknown): value is Welcome {
  if (typeof value !== 'object' || value === null) return false;
  const { version, protocol, pid } = value as Partial<Welcome>;
  return typeof version === 'string' && typeof protocol === 'number' && typeof pid === 'number';
}

function isChallenge(value: unknown): value is { nonce: string; proof: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { nonce, proof } = value as { nonce?: unknown; proof?: unknown };
  return typeof nonce === 'string' && typeof proof === 'string';
}
