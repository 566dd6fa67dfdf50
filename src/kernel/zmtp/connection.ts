/** One connection to a ZMTP peer, from dialling to its end; a lost one is never mended, only replaced. */
import { errorCode } from '../../system/files.ts';
import { type Endpoint, endpointText } from './endpoint.ts';
import { type FrameLimits, frameLimits, messageChunks } from './frame.ts';
import type { SocketType } from './greeting.ts';
import { Peer } from './peer.ts';

export interface ConnectionOptions {
  readonly type: SocketType;
  readonly identity: string;
  readonly handshakeMs?: number;
  readonly limits?: FrameLimits;
}

export interface ConnectionEvents {
  readonly ready: () => void;
  readonly message: (frames: readonly Buffer[]) => void;
  readonly dropped: (bytes: number) => void;
  readonly closed: (end: ConnectionEnd) => void;
}

export interface ConnectionEnd {
  readonly reason: string;
  /** Nobody listens there: not a cut, but an absence. */
  readonly absent: boolean;
  readonly wasReady: boolean;
}

/** Bytes that wait for the socket; a letter nobody has begun to write can be taken back. */
interface Letter {
  chunks: readonly Uint8Array[];
  begun: boolean;
}

const HANDSHAKE_MS = 5_000;
type Socket = Bun.Socket;

export class Connection {
  readonly #endpoint: Endpoint;
  readonly #events: ConnectionEvents;
  readonly #peer: Peer;
  readonly #letters: Letter[] = [];
  readonly #timer: ReturnType<typeof setTimeout>;
  #socket: Socket | undefined;
  #ready = false;
  #ended = false;

  constructor(endpoint: Endpoint, options: ConnectionOptions, events: ConnectionEvents) {
    this.#endpoint = endpoint;
    this.#events = events;
    this.#peer = new Peer(
      { type: options.type, identity: options.identity, limits: options.limits ?? frameLimits },
      {
        ready: () => {
          this.#ready = true;
          clearTimeout(this.#timer);
          events.ready();
        },
        message: events.message,
        dropped: events.dropped,
        send: (chunks) => this.#put({ chunks, begun: false }),
      },
    );
    const wait = options.handshakeMs ?? HANDSHAKE_MS;
    this.#timer = setTimeout(() => this.#end(`silent for ${wait} ms`, { absent: false }), wait);
    void this.#dial();
  }

  get ready(): boolean {
    return this.#ready && !this.#ended;
  }

  /** Answers a function that takes the message back: true when not a byte of it was sent. */
  send(frames: readonly Uint8Array[]): () => boolean {
    const letter: Letter = { chunks: messageChunks(frames), begun: false };
    this.#put(letter);
    return () => {
      const at = this.#letters.indexOf(letter);
      if (at < 0 || letter.begun) return false;
      this.#letters.splice(at, 1);
      return true;
    };
  }

  close(): void {
    this.#end('closed by us', { absent: false });
  }

  async #dial(): Promise<void> {
    const socket = {
      open: (opened: Socket) => {
        this.#socket = opened;
        if (this.#ended) opened.terminate();
        else this.#guarded(() => this.#peer.begin());
      },
      data: (_socket: Socket, chunk: Buffer) => {
        if (!this.#ended) this.#guarded(() => this.#peer.receive(chunk));
      },
      drain: () => this.#flush(),
      close: () => this.#end('the peer closed the connection', { absent: false }),
      error: (_socket: Socket, error: Error) => this.#end(error.message, { absent: false }),
      // Bun answers both here and by rejecting; the rejection below is the one that is told.
      connectError: () => undefined,
    };
    try {
      if (this.#endpoint.transport === 'ipc') await Bun.connect({ unix: this.#endpoint.path, socket });
      else await Bun.connect({ hostname: this.#endpoint.host, port: this.#endpoint.port, socket });
    } catch (error) {
      const code = errorCode(error) ?? '';
      const absent =
        /ECONNREFUSED|ENOENT|FailedToOpenSocket/.test(code) || /Failed to connect/.test(String(error));
      this.#end(absent ? `nobody listens at ${endpointText(this.#endpoint)}` : String(error), { absent });
    }
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#end(`${endpointText(this.#endpoint)} answered with ${text}`, { absent: false });
    }
  }

  #put(letter: Letter): void {
    if (this.#ended) return;
    this.#letters.push(letter);
    if (this.#letters.length === 1) this.#flush();
  }

  /** Writes until the socket is full; `drain` calls again. */
  #flush(): void {
    while (!this.#ended && this.#socket !== undefined) {
      const [letter] = this.#letters;
      const chunk = letter?.chunks[0];
      if (letter === undefined) return;
      if (chunk === undefined) {
        this.#letters.shift();
        continue;
      }
      const written = this.#socket.write(chunk);
      if (written < 0) return;
      if (written > 0) letter.begun = true;
      letter.chunks =
        written < chunk.length
          ? [chunk.subarray(written), ...letter.chunks.slice(1)]
          : letter.chunks.slice(1);
      if (written < chunk.length) return;
    }
  }

  #end(reason: string, { absent }: { absent: boolean }): void {
    // Bun calls `close` from within `terminate`: the first reason is the true one (kernels.md §2.4, 7).
    if (this.#ended) return;
    const wasReady = this.#ready;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#letters.length = 0;
    this.#socket?.terminate();
    this.#events.closed({ reason, absent, wasReady });
  }
}
