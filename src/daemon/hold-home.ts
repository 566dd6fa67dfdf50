/**
 * The one lock on a home, as long as the daemon runs. Somebody who tidies up may delete its file, and
 * then a second daemon could lock another one: so it is looked after (design §4, one daemon a home). Should two
 * have the home all the same, the store is written by the later one only (store/engine/owner.ts).
 */
import type { Lock } from '../system/lock.ts';

/** Why a daemon ends that lost its home. */
export const ANOTHER = 'another daemon has the home';

export interface HomeHold {
  /** False: another daemon has the home. */
  readonly keep: () => boolean;
}

export function holdHome(lock: Lock, retaken: () => void): HomeHold {
  return {
    keep: () => {
      const state = lock.keep();
      if (state === 'retaken') retaken();
      return state !== 'lost';
    },
  };
}
