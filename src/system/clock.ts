/** The clocks and timers of the process. `mono` never jumps and goes on over restarts of the daemon. */
import { readFileSync } from 'node:fs';

export interface SystemClock {
  readonly now: () => number;
  readonly mono: () => number;
  readonly after: (milliseconds: number, run: () => void) => () => void;
  readonly turn: (run: () => void) => void;
}

/** Longer timers overflow to 1 ms. */
const LONGEST_TIMER = 2_147_000_000;

export function systemClock(): SystemClock {
  // The process's own monotonic clock starts with the process; leases must outlive the daemon, so it
  // is counted from the start of the machine (measured).
  let base: number | undefined;
  return {
    now: () => Date.now(),
    mono: () => {
      base ??= uptimeMilliseconds() - performance.now();
      return Math.floor(base + performance.now());
    },
    after: (milliseconds, run) => {
      const timer = setTimeout(run, Math.min(Math.max(0, milliseconds), LONGEST_TIMER));
      return () => clearTimeout(timer);
    },
    turn: (run) => void setImmediate(run),
  };
}

function uptimeMilliseconds(): number {
  if (process.platform === 'linux') {
    const seconds = Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
    if (Number.isFinite(seconds)) return seconds * 1_000;
  }
  const os = import.meta.require('node:os') as typeof import('node:os');
  return os.uptime() * 1_000;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
