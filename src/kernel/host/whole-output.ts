/** All that a cell shows, in a file as it comes: what a reader is given is a part of it. */
import {
  appendFileSync,
  closeSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { OutputSink } from '../output/cell-output.ts';

/** A cell that prints without end must not fill the disk. */
const MOST_BYTES = 67_108_864;
const FLUSH_MS = 100;
const FLUSH_CHARACTERS = 65_536;

export interface WholeOutput extends OutputSink {
  /** Bytes in the file, all that came included. */
  readonly bytes: () => number;
  readonly flush: () => void;
}

export function wholeOutput(path: string): WholeOutput {
  let waiting: string[] = [];
  let characters = 0;
  let written = 0;
  let full = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0 || full) return;
    const bytes = Buffer.from(waiting.join(''));
    waiting = [];
    characters = 0;
    const room = MOST_BYTES - written;
    full = bytes.length > room;
    const part = full ? bytes.subarray(0, room) : bytes;
    try {
      appendFileSync(path, part, { mode: 0o600 });
      written += part.length;
    } catch {
      // A full disk costs the rest of this text, never the cell.
      full = true;
    }
  };
  return {
    text: (_part, text) => {
      if (full || text === '') return;
      waiting.push(text);
      characters += text.length;
      if (characters > FLUSH_CHARACTERS) flush();
      else timer ??= setTimeout(flush, FLUSH_MS);
    },
    cleared: () => {
      waiting = [];
      characters = 0;
      if (written > 0) truncateSync(path, 0);
      written = 0;
      full = false;
    },
    bytes: () => {
      flush();
      return written;
    },
    flush,
  };
}

/** A range of a file as text; empty when it is not there. */
export function partOf(path: string, { from, bytes }: { from: number; bytes: number }): string {
  const size = sizeOf(path);
  if (size <= from) return '';
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(bytes, size - from));
    const read = readSync(file, buffer, 0, buffer.length, from);
    return buffer.toString('utf8', 0, read);
  } finally {
    closeSync(file);
  }
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

export function keepImage(path: string, bytes: Uint8Array): void {
  if (sizeOf(path) !== bytes.length) writeFileSync(path, bytes, { mode: 0o600 });
}
