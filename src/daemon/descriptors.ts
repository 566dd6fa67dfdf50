/**
 * How many connections there may be, below what the system allows of open files: at that limit `accept` finds the
 * same caller again and again and spins (measured). The limit can be lowered while the daemon runs (prlimit): it
 * is looked at again, and who is too many then hangs up.
 */
import type { Clock } from '../core/ports.ts';
import { Failure } from '../protocol/failures.ts';
import type { Server } from '../rpc/server.ts';
import { watchFileLimit } from '../system/processes.ts';

/** Descriptors that are not connections: the store, the log, blobs, refusals on their way, the runtime's own. */
const SPARE_FILES = 64;
/** Where so few are allowed that nothing would be left. */
const FEWEST = 8;
const FEWEST_FILES = 32;
const LOOK_MS = 1_000;

export interface Descriptors {
  readonly connections: number;
  /** Sheds what is too many from now on; returns the way to stop. */
  guard(server: Pick<Server, 'shed'>, clock: Clock): () => void;
}

/** Throws `cannot_create` when a daemon could not even open its own. */
export function descriptors(configured: number): Descriptors {
  const files = watchFileLimit();
  const found = files() ?? Infinity;
  if (found < FEWEST_FILES) {
    throw new Failure(
      'cannot_create',
      `wanted to be allowed ${FEWEST_FILES} open files or more, found ${found}`,
      {
        hint: 'ulimit -n 1024',
      },
    );
  }
  const allowed = (): number => {
    const limit = files();
    if (limit === undefined) return configured;
    return Math.min(configured, Math.max(FEWEST, limit - SPARE_FILES));
  };
  let connections = allowed();
  return {
    get connections() {
      return connections;
    },
    guard: (server, clock) => {
      const look = (): void => {
        const before = connections;
        connections = allowed();
        if (connections < before) server.shed(connections);
        callOff = clock.after(LOOK_MS, look);
      };
      let callOff = clock.after(LOOK_MS, look);
      return () => callOff();
    },
  };
}
