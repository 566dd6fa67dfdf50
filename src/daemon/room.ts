/**
 * Room on the disk. A disk that others fill to the last byte lets nobody fetch or acknowledge what is there, for
 * that writes a little: so sends are refused while some room is left (a low watermark, as RabbitMQ has), and a
 * small file is kept in the home, to be given up when even a small write finds no room.
 */
import { closeSync, openSync, statfsSync, statSync, writeSync } from 'node:fs';
import type { Clock } from '../core/ports.ts';
import { Failure } from '../protocol/failures.ts';
import { removeIfThere, shellWord } from '../system/files.ts';
import type { Paths } from '../system/paths.ts';

/** Sends stop below this, or a sixteenth of a small disk. */
const LOW_BYTES = 8 * 1_048_576;
const RESERVE_BYTES = 1_048_576;
/** The disk is asked at most so often. */
const KNOWN_FOR_MS = 200;
const KEEP_MS = 10_000;

export interface Room {
  /** Why nothing new is to be stored. */
  short(): Failure | undefined;
  /** Gives up what is kept in reserve; false: nothing was. */
  giveUp(): boolean;
  /** Ends the looks by which the reserve is kept. */
  stop(): void;
}

export function watchRoom({ home, reserve }: Paths, clock: Clock): Room {
  let known: Failure | undefined;
  let askedAt = -Infinity;
  const keep = (): void => {
    const { free, low } = roomAt(home);
    if (free > low + 2 * RESERVE_BYTES && !isKept(reserve)) fill(reserve);
    callOff = clock.after(KEEP_MS, keep);
  };
  // Not at once: the first command of all waits for the daemon.
  let callOff = clock.after(KEEP_MS / 10, keep);
  return {
    short: () => {
      if (clock.mono() - askedAt < KNOWN_FOR_MS) return known;
      const { free, low } = roomAt(home);
      askedAt = clock.mono();
      known = free < low ? full(home, free, low) : undefined;
      return known;
    },
    giveUp: () => isKept(reserve) && isRemoved(reserve),
    stop: () => callOff(),
  };
}

function roomAt(home: string): { free: number; low: number } {
  try {
    const { bavail, bsize, blocks } = statfsSync(home);
    return { free: bavail * bsize, low: Math.min(LOW_BYTES, (blocks * bsize) / 16) };
  } catch {
    // What cannot be asked is not refused: a write that finds no room says so itself.
    return { free: Infinity, low: 0 };
  }
}

function full(home: string, free: number, low: number): Failure {
  const [left, wanted] = [free, low].map((bytes) => `${Math.ceil(bytes / 1_024)} KiB`);
  return new Failure(
    'disk_full',
    `wanted ${wanted} free on the disk of ${home}, found ${left}; what is stored can be read, nothing new is taken`,
    { hint: `df -h ${shellWord(home)}` },
  );
}

function isKept(path: string): boolean {
  try {
    return statSync(path).size > 0;
  } catch {
    return false;
  }
}

/** With bytes: a file of holes keeps no room. */
function fill(path: string): void {
  try {
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, new Uint8Array(RESERVE_BYTES).fill(0x2e));
    } finally {
      closeSync(file);
    }
  } catch {
    // No room, or no more open files: another time.
    isRemoved(path);
  }
}

function isRemoved(path: string): boolean {
  try {
    return removeIfThere(path);
  } catch {
    // The disk that has no room refuses this too.
    return false;
  }
}
