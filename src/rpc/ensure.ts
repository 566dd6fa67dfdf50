/**
 * Reaching a daemon, whatever state it is in (design §4): absent or stale, it is started; starting,
 * it is waited for; ready, it is dialed. Older, newer and foreign ones show themselves in the hello.
 */
import { Failure } from '../protocol/failures.ts';
import { pause } from '../system/clock.ts';
import type { Environment } from '../system/environment.ts';
import { errorCode } from '../system/files.ts';
import type { Paths } from '../system/paths.ts';
import { checkSocket } from '../system/contents.ts';
import { checkHome } from '../system/home.ts';
import type { Connection, Receiver } from './connection.ts';
import { dial } from './dial.ts';

/** Says what the daemon said last, and its pid. */
export const LOGS = 'ipc daemon logs';

export interface EnsureParts {
  readonly paths: Paths;
  readonly environment: Environment;
  /** `existing`: a daemon that is not there is not started but reported. */
  readonly start: 'absent' | 'existing';
  /** How to start one; this very program when absent. */
  readonly command?: readonly string[];
}

const PATIENCE_MS = 15_000;
/** A daemon that has the home and does not listen has so long of that to finish, or to get ready. */
const BUSY_MS = 8_000;
/** Daemons that may be killed as they start before one gives up: something here kills each of them. */
const MAX_KILLED = 10;
/** A newer daemon that has just ended is back within this time, if anybody still has it. */
const NEWER_MS = 1_000;

/** Throws `daemon_unavailable`, `daemon_foreign`, `home_unsafe`, `cannot_create`, `store_newer`. */
export async function reach(
  parts: EnsureParts,
  receive: (connection: Connection) => Receiver,
): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  const there = checkHome(parts.paths, parts.environment);
  let killed = 0;
  let newer: { readonly error: Failure; readonly until: number } | undefined;
  for (let wait = 2; ; wait = Math.min(50, wait * 2)) {
    const dialed = (there || wait > 2) && checkSocket(parts.paths.socket, parts.environment.uid);
    const missing = dialed ? await tryDial(parts.paths.socket, receive) : 'ENOENT';
    if (missing === undefined) return;
    if (performance.now() > until) throw unavailable(`nobody answered at ${parts.paths.socket} (${missing})`);
    if (missing !== 'ENOENT' && missing !== 'ECONNREFUSED') await pause(wait);
    else if (missing === 'ECONNREFUSED' && (await isCrowded(parts.paths))) await pause(wait);
    else if (parts.start === 'existing') throw unavailable('it is not running');
    else if (newer !== undefined && performance.now() > newer.until) throw newer.error;
    else if (newer !== undefined) await pause(wait);
    else {
      // Loaded only when needed: most commands find a daemon.
      const outcome = await (await import('./start.ts')).startDaemon(parts, until).catch(beaten);
      if (outcome instanceof Failure) {
        newer = { error: outcome, until: performance.now() + NEWER_MS };
        continue;
      }
      if (outcome === 'killed') killed += 1;
      if (killed === MAX_KILLED)
        throw unavailable(`it was killed as it started, ${killed} times in a row`, LOGS);
      if (outcome === 'busy' && performance.now() > until - PATIENCE_MS + BUSY_MS)
        throw unavailable(`a process that does not listen holds ${parts.paths.daemonLock}`, LOGS);
      if (outcome === 'killed') await pause(wait);
    }
  }
}

/** The store is a newer daemon's: those who brought that one may be starting it again. */
function beaten(error: unknown): Failure {
  if (error instanceof Failure && error.code === 'store_newer') return error;
  throw error;
}

/**
 * Bun says ECONNREFUSED too when as many wait at the socket as may (EAGAIN, seen with 1.4.5): then the daemon
 * is there, and has only not come to it.
 */
async function isCrowded(paths: Paths): Promise<boolean> {
  return (await import('./start.ts')).hasDaemon(paths);
}

/** The system's word for why nobody answered; undefined: connected. */
async function tryDial(
  path: string,
  receive: (connection: Connection) => Receiver,
): Promise<string | undefined> {
  try {
    await dial(path, receive);
    return undefined;
  } catch (error) {
    const code = errorCode(error) ?? 'unknown';
    if (code !== 'EACCES' && code !== 'EPERM') return code;
    throw new Failure(
      'daemon_foreign',
      `wanted to connect to ${path}; it belongs to somebody else (${code})`,
      {
        hint: `ls -l ${path}`,
        cause: error,
      },
    );
  }
}

export function unavailable(found: string, hint?: string): Failure {
  return new Failure('daemon_unavailable', `wanted the daemon; ${found}`, hint === undefined ? {} : { hint });
}
