/**
 * Looks once a second at what the daemon stands on: the files of its store, its socket, and whether anybody
 * still needs it.
 */
import type { Clock } from '../core/ports.ts';
import type { Failure } from '../protocol/failures.ts';
import type { Server } from '../rpc/server.ts';
import { ANOTHER, type HomeHold } from './hold-home.ts';

const LOOK_MS = 1_000;

export interface StoreWatch {
  /** A reason to acknowledge nothing any more. Looked up once for each turn of the event loop. */
  broken(): Failure | undefined;
}

export function watchStore(look: () => Failure | undefined, clock: Clock): StoreWatch {
  let known: { readonly failure: Failure | undefined } | undefined;
  return {
    broken: () => {
      if (known === undefined) {
        known = { failure: look() };
        clock.turn(() => {
          known = undefined;
        });
      }
      return known.failure;
    },
  };
}

export interface UpkeepParts {
  readonly clock: Clock;
  readonly home: HomeHold;
  readonly store: StoreWatch;
  readonly server: Server;
  readonly idleExitMs: () => number;
  /** Wall-clock time of the next thing due by itself. */
  readonly dueAt: () => number | null;
  readonly repaired: () => void;
  /** What stands in the way of a repair; called once for each change of it. */
  readonly unrepaired: (error: unknown) => void;
  readonly stop: (reason: string, code: number) => void;
}

/** Returns the way to stop it. */
export function watchUpkeep(parts: UpkeepParts): () => void {
  const { clock, store, server } = parts;
  let taken = -1;
  let quietSince = clock.mono();
  let callOff: () => void;

  const idle = (): boolean => {
    if (server.connections > 0 || server.taken !== taken) {
      taken = server.taken;
      quietSince = clock.mono();
    }
    const allowed = parts.idleExitMs();
    if (allowed === 0 || clock.mono() - quietSince < allowed) return false;
    // What is due soon is waited for; what is due in days is done by the daemon of that day.
    const dueAt = parts.dueAt();
    return dueAt === null || dueAt - clock.now() > allowed;
  };

  let inTheWay: string | undefined;
  /**
   * Takes back what was taken away: the lock, then the socket. False: another daemon has the home. A folder in
   * the socket's place, a full disk: whatever is in the way may be gone at the next look.
   */
  const repair = (): boolean => {
    try {
      if (!parts.home.keep()) return false;
      if (!server.intact()) {
        server.repair();
        parts.repaired();
      }
      inTheWay = undefined;
    } catch (error) {
      const found = String(error);
      if (found !== inTheWay) parts.unrepaired(error);
      inTheWay = found;
    }
    return true;
  };

  const look = (): void => {
    const broken = store.broken();
    if (broken !== undefined) return parts.stop(broken.message, 1);
    if (!repair()) return parts.stop(ANOTHER, 1);
    if (idle()) return parts.stop('idle', 0);
    callOff = clock.after(LOOK_MS, look);
  };
  callOff = clock.after(LOOK_MS, look);
  return () => callOff();
}
