/**
 * One ZMTP connection's state: bytes in, messages out, whichever side opened it. It owns no socket, so
 * that the client and a test's kernel run the same code.
 */
import { commandFrame, type FrameLimits, frameLimits, FrameReader, Violation } from './frame.ts';
import {
  checkGreeting,
  greeting,
  GREETING_BYTES,
  type Ready,
  readReady,
  readyBody,
  type SocketType,
} from './greeting.ts';

export interface PeerEvents {
  readonly ready: (peer: Ready) => void;
  readonly message: (frames: readonly Buffer[]) => void;
  readonly dropped: (bytes: number) => void;
  readonly send: (chunks: readonly Uint8Array[]) => void;
}

export class Peer {
  readonly #type: SocketType;
  readonly #identity: string;
  readonly #events: PeerEvents;
  readonly #reader: FrameReader;
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #ready = false;

  constructor(
    options: { readonly type: SocketType; readonly identity?: string; readonly limits?: FrameLimits },
    events: PeerEvents,
  ) {
    this.#type = options.type;
    this.#identity = options.identity ?? '';
    this.#events = events;
    this.#reader = new FrameReader(
      {
        message: (frames) => {
          if (!this.#ready) throw new Violation('a message before READY');
          events.message(frames);
        },
        command: (name, body) => this.#command(name, body),
        dropped: (bytes) => events.dropped(bytes),
      },
      options.limits ?? frameLimits,
    );
  }

  /** Both sides speak first. */
  begin(): void {
    this.#events.send([greeting()]);
  }

  /** Throws Violation: the caller ends the connection and says why. */
  receive(chunk: Buffer): void {
    let rest = chunk;
    if (this.#greeting !== undefined) {
      const missing = GREETING_BYTES - this.#greeting.length;
      this.#greeting = Buffer.concat([this.#greeting, chunk.subarray(0, missing)]);
      checkGreeting(this.#greeting);
      if (this.#greeting.length < GREETING_BYTES) return;
      this.#greeting = undefined;
      rest = chunk.subarray(missing);
      this.#events.send([commandFrame('READY', readyBody(this.#type, this.#identity))]);
    }
    if (rest.length > 0) this.#reader.push(rest);
  }

  #command(name: string, body: Buffer): void {
    switch (name) {
      case 'READY':
        if (this.#ready) throw new Violation('a second READY');
        const ready = readReady(body, this.#type);
        this.#ready = true;
        this.#events.ready(ready);
        return;
      case 'ERROR':
        throw new Violation(`an error: ${body.toString('latin1', 1, 1 + (body[0] ?? 0))}`);
      case 'PING':
        // Two octets of time to live, then up to 16 of context, which the answer repeats (rfc 37).
        this.#events.send([commandFrame('PONG', body.subarray(2, 18))]);
        return;
      case 'SUBSCRIBE':
      case 'CANCEL':
        // ZMTP 3.1's form of what 3.0 says by a message: given on as that message.
        this.#events.message([Buffer.concat([Buffer.of(name === 'SUBSCRIBE' ? 1 : 0), body])]);
        return;
      default:
      // PONG, and commands of later versions, are not ours to answer.
    }
  }
}
