/** Bytes from stdin: a text that fits goes inline, a longer one by reference, other bytes as a file. */
import { fstatSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { isTerminal } from '../system/output.ts';

/** Longest body kept inline: protocol/model.ts has it too, but would load zod. */
export const INLINE_BYTES = 65_536;

export type Piped =
  | { readonly text: string }
  | {
      /** What was read so far, at least the first 64 KiB if there is as much. */
      readonly head: Uint8Array;
      /** All of it from the beginning. */
      readonly bytes: AsyncIterable<Uint8Array>;
      /** Known once `bytes` was read to its end. */
      readonly isText: () => boolean;
    };

/** Throws `invalid` on a terminal: help is better than waiting for what nobody knows must be typed. */
export async function readStdin(verb: string): Promise<Piped> {
  if (isTerminal(0))
    throw new Failure('invalid', 'wanted a text piped to stdin for -, found a terminal', {
      hint: `ipc help ${verb}`,
    });
  if (isFolder(0))
    throw new Failure('no_such_file', 'wanted a text piped to stdin for -, found a folder', {
      hint: `ipc help ${verb}`,
    });
  return readPiped(Bun.stdin.stream());
}

function isFolder(file: number): boolean {
  try {
    return fstatSync(file).isDirectory();
  } catch {
    return false;
  }
}

export async function readPiped(stream: AsyncIterable<Uint8Array>): Promise<Piped> {
  const chunks = stream[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let size = 0;
  let ended = false;
  while (size <= INLINE_BYTES && !ended) {
    const next = await chunks.next();
    if (next.done === true) ended = true;
    else {
      first.push(next.value);
      size += next.value.length;
    }
  }
  const head = Buffer.concat(first);
  const watch = textWatch();
  if (size <= INLINE_BYTES) {
    watch.chunk(head);
    if (watch.end()) return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(head) };
    return { head, bytes: whole([head]), isText: () => false };
  }
  let isText = false;
  async function* everything(): AsyncGenerator<Uint8Array> {
    watch.chunk(head);
    yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      watch.chunk(next.value);
      yield next.value;
    }
    isText = watch.end();
  }
  return { head, bytes: everything(), isText: () => isText };
}

/** Whether chunk after chunk is UTF-8, wherever the chunks part a character. */
function textWatch(): { chunk: (bytes: Uint8Array) => void; end: () => boolean } {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let valid = true;
  const decode = (bytes: Uint8Array | undefined): void => {
    if (!valid) return;
    try {
      if (bytes === undefined) decoder.decode();
      else decoder.decode(bytes, { stream: true });
    } catch {
      valid = false;
    }
  };
  return {
    chunk: decode,
    end: () => {
      decode(undefined);
      return valid;
    },
  };
}

export async function* whole(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
