/**
 * stdout and stderr of short commands, written through the file descriptor: touching
 * `process.stdout` costs 7 ms, more than twice an empty program. What `writeOut` returned from is
 * with the system, so a hand-over may be confirmed.
 */
import { fstatSync, writeSync, type Stats } from 'node:fs';
import { errorCode } from './files.ts';

const utf8 = new TextEncoder();

/** False: nobody reads any more (`ipc history | head`). */
export function writeOut(text: string): boolean {
  return writeAll(1, utf8.encode(text));
}

export function writeError(text: string): boolean {
  return writeAll(2, utf8.encode(text));
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

/**
 * Whether a person sees what is written there. `node:tty` would be asked if it did not cost 6 ms: the
 * number of the device tells it for all but rare ones.
 */
export function isTerminal(file: 0 | 1 | 2): boolean {
  let device: Stats;
  try {
    device = fstatSync(file);
  } catch {
    return false;
  }
  if (!device.isCharacterDevice()) return false;
  const known = DEVICES[process.platform]?.(device.rdev);
  if (known !== undefined) return known;
  const tty = import.meta.require('node:tty') as typeof import('node:tty');
  return tty.isatty(file);
}

/** Major numbers: terminals true, `/dev/null` and its kind false, others unknown. */
const DEVICES: Partial<Record<NodeJS.Platform, (device: number) => boolean | undefined>> = {
  // 136 to 143 are pseudo terminals, 4 and 5 consoles, 1 memory (Documentation/admin-guide/devices.txt).
  linux: (device) => {
    const major = (device >> 8) & 0xfff;
    if ((major >= 136 && major <= 143) || major === 4 || major === 5) return true;
    return major === 1 ? false : undefined;
  },
  darwin: (device) => {
    const major = (device >>> 24) & 0xff;
    if (major === 16) return true;
    return major === 3 ? false : undefined;
  },
};

/**
 * Takes stdout for one writer: what any other module prints goes to stderr from now on. Bun's console
 * writes to the descriptor itself, so the words are turned too.
 */
export function reserveStdout(): void {
  const { stdout, stderr } = process;
  stdout.write = stderr.write.bind(stderr);
  const words = globalThis.console as unknown as Record<string, unknown>;
  for (const word of ['log', 'info', 'debug', 'dir', 'table', 'group']) words[word] = words['error'];
}
