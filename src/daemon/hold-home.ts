/**
 * The one lock on a home, as long as the daemon runs. Somebody who tidies up may delete its file, and
 * then a second daemon could lock another one: so it is looked after (design §4, one daemon a home).
 */
import { notBegun } from '../rpc/faults.ts';
import type { Lock } from '../system/lock.ts';

export interface HomeHold {
  /** Throws when another daemon may have the home; within every transaction, so that never two of them write. */
  readonly fence: () => void;
  /** False: another daemon has the home. */
  readonly keep: () => boolean;
}

export function holdHome(lock: Lock, retaken: () => void): HomeHold {
  const keep = (): boolean => {
    const state = lock.keep();
    if (state === 'retaken') retaken();
    return state !== 'lost';
  };
  return {
    keep,
    fence: () => {
      // Made again: by the other daemon, or by this one when the other did not come up.
      if (!keep()) throw notBegun('another daemon has the home');
    },
  };
}
