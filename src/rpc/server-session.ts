/** One connection on the daemon's side: hello first, then calls, until either side is done. */
import type { Opening, OpenSession } from '../core/broker.ts';
import type { AskHost } from '../core/kernels.ts';
import { asFailure, Failure } from '../protocol/failures.ts';
import { MAX_FRAME_BYTES, PROTOCOL, type Caller, type Welcome } from '../protocol/wire.ts';
import type { Log } from '../system/log.ts';
import type { Connection, Receiver } from './connection.ts';
import { dispatch, isUndeclared } from './dispatch.ts';
import { notBegun } from './faults.ts';
import { Handshake, type HandshakeParts } from './handshake.ts';
import { HELLO_MS } from './listen.ts';
import { Peer } from './peer.ts';
import type { Answer, IncomingCall } from './incoming-calls.ts';
import type { Turns } from './turns.ts';

export interface SessionParts extends HandshakeParts {
  readonly open: (opening: Opening) => Promise<OpenSession>;
  readonly after: (milliseconds: number, run: () => void) => () => void;
  readonly turn: (run: () => void) => void;
  /** Whose frames are taken next. */
  readonly turns: Turns;
  /** It has said hello: its place is its own. */
  readonly greeted: () => void;
  readonly log: Log;
  /** A reason to answer nothing any more, such as a store that vanished; asked after every call. */
  readonly broken: () => Failure | undefined;
}

/** Who has not said hello is given no more room than a hello takes. */
const MAX_HELLO_BYTES = 65_536;
const NOBODY: Caller = { client: 'unknown', kind: 'script', pid: 0 };
/** All that an outdated daemon still does for a newer caller. */
const UPKEEP = /^daemon\./;

export class ServerSession implements Receiver {
  readonly #parts: SessionParts;
  readonly #peer: Peer;
  readonly #handshake: Handshake;
  readonly #opened = Promise.withResolvers<OpenSession>();
  readonly #callOff: () => void;
  readonly #left: () => void;
  #greeted = false;
  #outdated = false;
  #stopping = false;
  #leaving: 'gone' | 'drain' = 'gone';
  #closed: Promise<void> | undefined;

  constructor(connection: Connection, parts: SessionParts, left: (session: ServerSession) => void) {
    this.#parts = parts;
    this.#left = () => left(this);
    this.#handshake = new Handshake(parts);
    this.#peer = new Peer({
      connection,
      maxBytes: () => (this.#greeted ? MAX_FRAME_BYTES : MAX_HELLO_BYTES),
      turns: parts.turns,
      serve: (call) => this.#serve(call),
      ended: (why) => this.#ended(why),
    });
    // Whoever is told of a refused hello is told through the calls that wait for it.
    this.#opened.promise.catch(() => undefined);
    this.#callOff = parts.after(HELLO_MS, () =>
      this.#peer.refuse(new Failure('timed_out', `wanted a hello within ${HELLO_MS / 1_000} s`)),
    );
  }

  data(chunk: Uint8Array): void {
    this.#peer.data(chunk);
  }

  closed(): void {
    this.#peer.closed();
  }

  /** Begins nothing new, waits for what is under way up to a moment, and hangs up. */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    let callOff = (): void => undefined;
    await Promise.race([
      this.#peer.settled(),
      new Promise<void>((resolve) => {
        callOff = this.#parts.after(graceMs, resolve);
      }),
    ]);
    callOff();
    this.#leaving = 'drain';
    this.#peer.end(new Failure('daemon_unavailable', 'the daemon is stopping'));
    await this.#closed;
  }

  /** The system lets the daemon keep fewer connections than it has. */
  shed(): void {
    this.#peer.refuse(new Failure('busy', 'wanted fewer open files than there are sessions; this one ends'));
  }

  async #serve(call: IncomingCall): Promise<Answer> {
    if (call.method === 'rpc.hello') return { value: await this.#hello(call.params) };
    if (!this.#greeted)
      return this.#hangUp(new Failure('malformed', `wanted rpc.hello first, found ${call.method}`));
    if (call.method === 'rpc.ping') return { value: {} };
    const session = await this.#opened.promise;
    if (this.#stopping) throw notBegun('the daemon is stopping');
    if (this.#outdated && !UPKEEP.test(call.method)) {
      throw notBegun(`the daemon (${this.#parts.version}) is older than its caller`);
    }
    try {
      const answer = await dispatch(session, call, this.#parts.after);
      const broken = this.#parts.broken();
      // Whoever asks it to end, because of that, is to hear that it does.
      if (broken !== undefined && !UPKEEP.test(call.method)) throw broken;
      return answer;
    } catch (error) {
      if (!(error instanceof Failure)) this.#parts.log('error', { operation: call.method, error });
      else if (isUndeclared(call.method, error))
        this.#parts.log('undeclared', { operation: call.method, code: error.code });
      throw error;
    }
  }

  async #hello(params: unknown): Promise<unknown> {
    try {
      if (this.#closed !== undefined) throw new Failure('daemon_unavailable', 'the connection is closed');
      const greeting = this.#greet(params);
      if (greeting.step === 'challenge') return greeting.challenge;
      this.#callOff();
      this.#outdated = greeting.outdated;
      const { caller = NOBODY, credential, borrowed } = greeting.hello;
      // An outdated daemon lets nobody in: the name is entered where the mail will be.
      const ask: AskHost = (method, asked, signal) => this.#peer.call(method, asked, signal);
      const opening = greeting.outdated ? { caller } : { caller, credential, borrowed, ask };
      const session = await this.#parts.open(opening);
      // It left while it was let in: nobody else will close what was opened for it.
      if (this.#closed !== undefined) await session.close('gone');
      this.#opened.resolve(session);
      return this.#welcome(session);
    } catch (error) {
      return this.#hangUp(asFailure(error), error);
    }
  }

  #greet(params: unknown) {
    if (this.#greeted) throw new Failure('invalid', 'wanted one hello, found another');
    const greeting = this.#handshake.greet(params);
    this.#greeted = greeting.step === 'enter';
    if (this.#greeted) this.#parts.greeted();
    return greeting;
  }

  #welcome(session: OpenSession): Welcome {
    const welcome = { version: this.#parts.version, protocol: PROTOCOL.max, pid: this.#parts.pid };
    const agent = session.agentName();
    return agent === undefined ? welcome : { ...welcome, agent, created: session.created };
  }

  /** Tells this call, and those already waiting, why; then the connection ends. */
  #hangUp(why: Failure, cause: unknown = why): never {
    this.#parts.log('refused', {
      code: why.code,
      message: why.message,
      ...(cause === why ? {} : { error: cause }),
    });
    this.#greeted = true;
    this.#opened.reject(why);
    this.#parts.turn(() => this.#peer.end(why));
    throw why;
  }

  #ended(why: Failure): void {
    this.#callOff();
    this.#opened.reject(why);
    this.#closed = this.#opened.promise
      .then((session) => session.close(this.#leaving))
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) this.#parts.log('error', { operation: 'close', error });
      })
      .finally(this.#left);
  }
}
