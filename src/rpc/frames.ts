/**
 * `rpc/` carries the protocol over a socket: frames, a peer that can call and be called, the
 * daemon's server, everyone's client, and the start of a daemon that is not there. It knows
 * operations by name only; what they mean is not its business.
 *
 * Here: bytes into lines. Each byte is looked at once, however the chunks fall.
 */
import { Failure } from '../protocol/failures.ts';

const NEWLINE = 0x0a;

/** Feeds a chunk, of which so many lines at most are taken; returns what it did not look at. */
export type Feed = (chunk: Uint8Array, most: number) => Uint8Array;

/** A function to be fed with chunks, that calls `take` for each whole line. Throws `too_large`, `malformed`. */
export function lineSplitter(longest: () => number, take: (line: string) => void): Feed {
  // Not every sequence of bytes is text; guessing would change a message on its way.
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  // The beginning of a line whose end has not come: one buffer that doubles, so that a writer of
  // single bytes costs no more than its bytes.
  let room = new Uint8Array(0);
  let used = 0;

  const keep = (bytes: Uint8Array): void => {
    const maxBytes = longest();
    if (used + bytes.length > maxBytes) {
      throw new Failure('too_large', `wanted frames of at most ${maxBytes} bytes, found a longer one`);
    }
    if (used + bytes.length > room.length) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(1_024, 2 * (used + bytes.length))));
      larger.set(room.subarray(0, used));
      room = larger;
    }
    room.set(bytes, used);
    used += bytes.length;
  };

  const text = (bytes: Uint8Array): string => {
    try {
      return utf8.decode(bytes);
    } catch (error) {
      throw new Failure('malformed', 'wanted UTF-8, found other bytes', { cause: error });
    }
  };

  return (chunk, most) => {
    let start = 0;
    let lines = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (lines === most) return chunk.subarray(start);
      lines += 1;
      let line = chunk.subarray(start, end);
      start = end + 1;
      if (used > 0 || line.length > longest()) {
        keep(line);
        line = room.subarray(0, used);
        room = new Uint8Array(0);
        used = 0;
      }
      if (line.length > 0) take(text(line));
    }
    if (start < chunk.length) keep(chunk.subarray(start));
    return chunk.subarray(chunk.length);
  };
}

/** Most levels of JSON nesting taken: deeper input could overflow the stack of code that walks it. */
export const MAX_DEPTH = 64;

/** Whether JSON text nests deeper than it may. Bounded by the brackets there are, so most frames cost one count. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  if (!mayBeDeep(text)) return false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (quoted) {
      if (char === 0x5c) index += 1;
      else if (char === 0x22) quoted = false;
    } else if (char === 0x22) quoted = true;
    else if (char === 0x5b || char === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === 0x5d || char === 0x7d) depth -= 1;
  }
  return false;
}

function mayBeDeep(text: string): boolean {
  let open = 0;
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      open += 1;
      if (open > MAX_DEPTH) return true;
    }
  }
  return false;
}
