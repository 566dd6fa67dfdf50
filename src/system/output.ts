/**
 * stdout and stderr of short commands, written through the file descriptor: touching
 * `process.stdout` costs 7 ms, more than twice an empty program. What `writeOut` returned from is
 * with the system, so a hand-over may be confirmed.
 */
import { fstatSync, writeSync } from 'node:fs';
import { errorCode } from './files.ts';

/** False: nobody reads any more (`ipc history | head`). */
export function writeOut(text: string): boolean {
  return writeAll(1, Buffer.from(text));
}

export function writeError(text: string): boolean {
  return writeAll(2, Buffer.from(text));
}

function writeAll(file: number, bytes: Uint8Array): boolean {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(file, bytes, written);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EPIPE' || code === 'EBADF') return false;
      // A pipe somebody else made non-blocking, full at the moment.
      if (code !== 'EAGAIN') throw error;
      Bun.sleepSync(1);
    }
  }
  return true;
}

/** Whether a person sees what is written there. Only a character device can be a terminal, which spares most commands `node:tty`. */
export function isTerminal(file: 0 | 1 | 2): boolean {
  try {
    if (!fstatSync(file).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  const tty = import.meta.require('node:tty') as typeof import('node:tty');
  return tty.isatty(file);
}
