/** Everything a handler may use: the ports, and what the broker made of them once for all sessions. */
import type { Failure } from '../protocol/failures.ts';
import type { KernelHosts } from './kernels.ts';
import type { HeldNotices } from './held-notices.ts';
import type { Kin } from './kin.ts';
import type { LoopGuard, Policy } from './policy.ts';
import type { Blobs, Clock, Ids, Processes, Store, Wake } from './ports.ts';
import type { NotifierTurns } from './notifier.ts';
import type { PresenceBook } from './presence.ts';
import type { Posted, Posting } from './records/sending.ts';
import type { Compose } from './records/upkeep.ts';
import type { Session } from './session.ts';

/** What the daemon adds to the broker's own knowledge in `daemon.*`. */
export interface DaemonControl {
  status(): {
    readonly pid: number;
    readonly version: string;
    readonly protocol: number;
    readonly startedAt: number;
    readonly home: string;
    readonly socket: string;
    readonly connections: number;
    readonly memoryBytes: number;
  };
  stop(reason: string): void;
  reload(): Promise<void>;
  /** Looks at the whole store, without holding anybody up. */
  examine(): Promise<{ readonly problems: readonly string[]; readonly missingBlobs: readonly string[] }>;
}

/** Everything a handler may use. */
export interface BrokerParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: Processes;
  readonly control: DaemonControl;
  /** Read anew on each use, so that a reload of the configuration takes effect at once. */
  readonly policy: () => Policy;
  /** Why nothing new may be stored, when the disk has little room left. */
  readonly room?: () => Failure | undefined;
  /** A message came that wants a timer: call `tend` at this wall-clock time at the latest. */
  readonly due: (at: number) => void;
}

/** The parts, and what the broker makes of them once for all sessions. */
export interface Desk extends BrokerParts {
  readonly presence: PresenceBook;
  readonly turns: NotifierTurns;
  readonly guard: LoopGuard;
  readonly kin: Kin;
  readonly heldNotices: HeldNotices;
  readonly kernels: KernelHosts;
  readonly compose: Compose;
  readonly post: (posting: Posting) => Promise<Posted>;
  /** Every open session: what changes an agent changes it for all that act for it. */
  readonly sessions: Set<Session>;
}
