/**
 * A lock the kernel takes back when its holder dies, however it dies: an exclusive transaction on a
 * small SQLite file, since Bun has no flock (design §3.2). Loaded lazily: no ready daemon needs it.
 */
import { closeSync, existsSync } from 'node:fs';
import type { Database } from 'bun:sqlite';
import { Failure } from '../protocol/failures.ts';
import { pause } from './clock.ts';
import { errorCode, fileIdentity, openToAppend, shellWord, writeFault, writing } from './files.ts';

export interface Lock extends Disposable {
  readonly path: string;
  /**
   * Whether it still keeps others out: a file that was deleted or replaced does not, and the one that is
   * there by now is locked instead, made if need be. `lost`: somebody else has that one.
   */
  keep(): 'held' | 'retaken' | 'lost';
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
  const lockFile = (): LockedFile | undefined => lockAt(path, () => new Database(path));
  const first = lockFile();
  if (first === undefined) return undefined;
  // The former ones are kept: who opened them before they were deleted is kept out by them.
  const files = [first];
  return {
    path,
    keep: () => {
      if (files.at(-1)?.identity === fileIdentity(path)) return 'held';
      const next = lockFile();
      if (next === undefined) return 'lost';
      files.push(next);
      return 'retaken';
    },
    [Symbol.dispose]: () => {
      for (const { handle } of files) if (held.delete(handle)) handle.close();
    },
  };
}

interface LockedFile {
  readonly handle: Database;
  readonly identity: string | undefined;
}

function lockAt(path: string, open: () => Database): LockedFile | undefined {
  // Only when there is none: closing any descriptor of a file drops this process's locks on it.
  if (!existsSync(path)) closeSync(openToAppend(path));
  const identity = fileIdentity(path);
  const handle = writing(path, open);
  try {
    handle.run('PRAGMA busy_timeout = 0');
    // The lock writes nothing: it is to be had on a full disk too.
    handle.run('PRAGMA journal_mode = MEMORY');
    handle.run('BEGIN EXCLUSIVE');
  } catch (error) {
    handle.close();
    if (errorCode(error)?.startsWith('SQLITE_BUSY') === true) return undefined;
    throw lockFault(path, error);
  }
  // Deleted while it was being locked: it would keep nobody out.
  if (identity === undefined || fileIdentity(path) !== identity) {
    handle.close();
    return undefined;
  }
  held.add(handle);
  return { handle, identity };
}

function lockFault(path: string, error: unknown): unknown {
  if (!/^SQLITE_(NOTADB|CORRUPT)/.test(errorCode(error) ?? '')) return writeFault(path, error);
  return new Failure('cannot_create', `wanted a lock file at ${path}; what lies there is none`, {
    hint: `mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`,
    cause: error,
  });
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
