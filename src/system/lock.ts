/**
 * A lock the kernel takes back when its holder dies, however it dies: an exclusive transaction on a
 * small SQLite file, since Bun has no flock (design §3.2). Loaded lazily: no ready daemon needs it.
 */
import { closeSync, existsSync } from 'node:fs';
import type { Database } from 'bun:sqlite';
import { pause } from './clock.ts';
import { errorCode, openToAppend, writeFault, writing } from './files.ts';

export interface Lock extends Disposable {
  readonly path: string;
}

/**
 * Every held handle. A Database nobody refers to is collected within milliseconds and drops its
 * lock: two daemons ran in 12 of 12 rounds until it was pinned (measured).
 */
const held: Set<Database> = pinned();

function pinned(): Set<Database> {
  const key = Symbol.for('ipc.locks');
  const world = globalThis as typeof globalThis & { [key]?: Set<Database> };
  world[key] ??= new Set();
  return world[key];
}

/** Undefined when somebody else holds it. */
export async function tryLock(path: string): Promise<Lock | undefined> {
  const { Database } = await import('bun:sqlite');
  // Only when there is none: closing any descriptor of a file drops this process's locks on it.
  if (!existsSync(path)) closeSync(openToAppend(path));
  const handle = writing(path, () => new Database(path));
  try {
    handle.run('PRAGMA busy_timeout = 0');
    handle.run('BEGIN EXCLUSIVE');
  } catch (error) {
    handle.close();
    if (errorCode(error)?.startsWith('SQLITE_BUSY') === true) return undefined;
    throw writeFault(path, error);
  }
  held.add(handle);
  return {
    path,
    [Symbol.dispose]: () => {
      if (held.delete(handle)) handle.close();
    },
  };
}

/** Waits for it; undefined when `isPointless` says so or the time is over. */
export async function waitForLock(
  path: string,
  options: { milliseconds: number; isPointless?: () => Promise<boolean> },
): Promise<Lock | undefined> {
  const end = performance.now() + options.milliseconds;
  for (;;) {
    const lock = await tryLock(path);
    if (lock !== undefined) return lock;
    if ((await options.isPointless?.()) === true || performance.now() > end) return undefined;
    await pause(10);
  }
}
