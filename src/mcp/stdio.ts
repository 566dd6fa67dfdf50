/**
 * The server on stdin and stdout. The SDK's own transport does not notice the end of stdin and counts
 * a message as sent before it is written (interfaces §4.2); here `send` resolves when the bytes are with
 * the system, which is what a hand-over is confirmed on.
 */
import { write } from 'node:fs';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { pause } from '../system/clock.ts';
import { errorCode } from '../system/files.ts';
import type { IpcServer } from './server.ts';

const STDOUT = 1;
/** Longest line a client may write; what is larger is a file. */
const LONGEST_LINE = 10_485_760;
/** Answers under way have so long to be written after the client closed our stdin; its next server waits longer. */
const DRAIN_MS = 1_000;
/** A client that does not read costs next to nothing. */
const LONGEST_PAUSE_MS = 20;

class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #read = new ReadBuffer({ maxBufferSize: LONGEST_LINE });
  readonly #closed = Promise.withResolvers<void>();
  readonly closed = this.#closed.promise;
  #written: Promise<void> = Promise.resolve();

  async start(): Promise<void> {
    process.stdin.on('data', this.#take);
  }

  readonly #take = (chunk: Buffer): void => {
    try {
      this.#read.append(chunk);
    } catch (error) {
      // Where such a line ends is not known any more: nothing after it can be understood.
      this.onerror?.(asError(error));
      void this.close();
      return;
    }
    for (;;) {
      try {
        const message = this.#read.readMessage();
        if (message === null) return;
        this.onmessage?.(message);
      } catch (error) {
        this.onerror?.(asError(error));
      }
    }
  };

  send(message: JSONRPCMessage): Promise<void> {
    const bytes = Buffer.from(serializeMessage(message));
    const sent = this.#written.then(() => writeAll(bytes));
    // One that fails must not keep the next from being tried: that one says so itself.
    this.#written = sent.catch((error: unknown) => {
      // Nobody can hear us any more, whatever they still say.
      if (errorCode(error) === 'EPIPE') void this.close();
    });
    return sent;
  }

  async close(): Promise<void> {
    process.stdin.off('data', this.#take);
    this.#read.clear();
    this.#closed.resolve();
    this.onclose?.();
  }
}

/**
 * Clients that run on Node or Bun give us a socket that does not block: once it is full (some 200 KB),
 * there is nothing to do but try again.
 */
async function writeAll(bytes: Buffer): Promise<void> {
  let tries = 0;
  for (let written = 0; written < bytes.length;) {
    const count = await writeSome(bytes, written);
    written += count;
    tries = count === 0 ? tries + 1 : 0;
    if (count === 0) await pause(Math.min(tries, LONGEST_PAUSE_MS));
  }
}

/** 0: it is full. */
function writeSome(bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(STDOUT, bytes, from, (error, count) => {
      if (error === null) resolve(count);
      else if (error.code === 'EAGAIN') resolve(0);
      else reject(error);
    });
  });
}

/** Serves until the client closes stdin, ends us, or is gone. */
export async function serveStdio(server: IpcServer, say: (text: string) => void): Promise<void> {
  const ended = Promise.withResolvers<'drain' | 'now'>();
  const transport = new StdioTransport();
  process.stdin.once('end', () => ended.resolve('drain'));
  process.stdin.once('close', () => ended.resolve('drain'));
  process.stdin.once('error', () => ended.resolve('now'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => ended.resolve(signal === 'SIGHUP' ? 'now' : 'drain'));
  await server.connect(transport);
  void transport.closed.then(() => ended.resolve('now'));
  server.mcp.server.onerror = (error) => say(error.message);
  const how = await ended.promise;
  if (how === 'drain') await Promise.race([server.drained(), patience()]);
  await server.close();
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
