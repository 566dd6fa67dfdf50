/**
 * Frames of ZMTP 3 (rfc.zeromq.org/spec/23): bytes to messages and back.
 *
 * `kernel/` is the bridge to Jupyter kernels: their wire, their files, a session on one of them. It
 * knows neither mailbox nor surface; whoever hosts a kernel gives it a place for output. `zmtp/` is the
 * transport alone: it has never heard of Jupyter.
 */

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;
const RESERVED = 0xf8;

export interface FrameLimits {
  /** A message above this is read to its end and dropped: one giant output must not end the connection. */
  readonly messageBytes: number;
  /** A frame above this is not worth reading: nobody sends it in earnest. */
  readonly absurdBytes: number;
  readonly framesInMessage: number;
}

export const frameLimits: FrameLimits = {
  messageBytes: 64 * 1024 * 1024,
  absurdBytes: 4 * 1024 * 1024 * 1024,
  framesInMessage: 1_024,
};

export interface FrameEvents {
  readonly message: (frames: readonly Buffer[]) => void;
  readonly command: (name: string, body: Buffer) => void;
  /** A message over the limit was read and thrown away. */
  readonly dropped: (bytes: number) => void;
}

/** A peer broke the protocol; the text says how. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Cuts a stream of bytes into messages and commands, however the bytes are chunked. */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #events: FrameEvents;
  readonly #head = Buffer.alloc(9);
  #headBytes = 0;
  #flags = 0;
  /** The frame being read; undefined between frames and while one is thrown away. */
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #size = -1;
  #frames: Buffer[] = [];
  #messageBytes = 0;
  #dropping = false;

  constructor(events: FrameEvents, limits: FrameLimits = frameLimits) {
    this.#events = events;
    this.#limits = limits;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#size < 0) {
        at = this.#readHead(chunk, at);
        if (this.#size !== 0) continue;
      }
      at = this.#readBody(chunk, at);
    }
  }

  #readHead(chunk: Buffer, from: number): number {
    let at = from;
    const wanted = () => (this.#headBytes === 0 ? 2 : ((this.#head[0] ?? 0) & LONG) === 0 ? 2 : 9);
    while (this.#headBytes < wanted() && at < chunk.length) {
      this.#head[this.#headBytes] = chunk[at] ?? 0;
      this.#headBytes += 1;
      at += 1;
    }
    if (this.#headBytes < wanted()) return at;
    this.#headBytes = 0;
    this.#begin();
    return at;
  }

  #begin(): void {
    this.#flags = this.#head[0] ?? 0;
    if ((this.#flags & RESERVED) !== 0) {
      throw new Violation(`a frame with reserved flags 0x${this.#flags.toString(16)}`);
    }
    const long = (this.#flags & LONG) !== 0;
    const size = long ? Number(this.#head.readBigUInt64BE(1)) : (this.#head[1] ?? 0);
    if (size > this.#limits.absurdBytes) throw new Violation(`a frame that claims ${size} bytes`);
    if ((this.#flags & COMMAND) !== 0 && ((this.#flags & MORE) !== 0 || size > 65_536)) {
      throw new Violation('a command that is not one');
    }
    this.#size = size;
    this.#bodyBytes = 0;
    this.#body = undefined;
    this.#messageBytes += size;
    const tooMany = this.#frames.length >= this.#limits.framesInMessage;
    if (this.#messageBytes > this.#limits.messageBytes || tooMany) {
      this.#dropping = true;
      this.#frames = [];
    }
  }

  #readBody(chunk: Buffer, from: number): number {
    const missing = this.#size - this.#bodyBytes;
    const taken = Math.min(missing, chunk.length - from);
    const end = from + taken;
    if (!this.#dropping) {
      if (taken === this.#size) this.#body = chunk.subarray(from, end);
      else {
        // Committed by the system page by page, so a size that is only claimed costs nothing.
        this.#body ??= Buffer.allocUnsafeSlow(this.#size);
        chunk.copy(this.#body, this.#bodyBytes, from, end);
      }
    }
    this.#bodyBytes += taken;
    if (this.#bodyBytes === this.#size) this.#end();
    return end;
  }

  #end(): void {
    const body = this.#body ?? Buffer.alloc(0);
    this.#size = -1;
    this.#body = undefined;
    if ((this.#flags & COMMAND) !== 0) {
      this.#messageBytes -= body.length;
      const length = body[0] ?? 0;
      this.#events.command(body.toString('latin1', 1, 1 + length), body.subarray(1 + length));
      return;
    }
    if (!this.#dropping) this.#frames.push(body);
    if ((this.#flags & MORE) !== 0) return;
    const frames = this.#frames;
    const bytes = this.#messageBytes;
    const dropped = this.#dropping;
    this.#frames = [];
    this.#messageBytes = 0;
    this.#dropping = false;
    if (dropped) this.#events.dropped(bytes);
    else this.#events.message(frames);
  }
}

/** Below this, copying into one buffer is cheaper than another write. */
const JOIN_BYTES = 65_536;

export function messageChunks(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  frames.forEach((frame, index) => {
    small.push(frameHead(index < frames.length - 1 ? MORE : 0, frame.length));
    if (frame.length < JOIN_BYTES) small.push(frame);
    else {
      chunks.push(Buffer.concat(small), frame);
      small = [];
    }
  });
  if (small.length > 0) chunks.push(Buffer.concat(small));
  return chunks;
}

export function commandFrame(name: string, body: Uint8Array): Uint8Array {
  const text = Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1'), body]);
  return Buffer.concat([frameHead(COMMAND, text.length), text]);
}

function frameHead(flags: number, size: number): Buffer {
  if (size < 256) return Buffer.of(flags, size);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(size), 1);
  return head;
}
