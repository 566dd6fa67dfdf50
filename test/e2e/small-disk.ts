/** A disk of a test's own, small or read-only, under the home of a machine; only root can have one. */
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './machine.ts';

export interface SmallDisk extends AsyncDisposable {
  /** Writes until no byte is free, or so many are. */
  fill(leave?: number): void;
  empty(): void;
  /** Whether it can be written to. */
  remount(how: 'ro' | 'rw'): void;
}

function ran(...command: readonly string[]): boolean {
  return Bun.which(command[0] ?? '') !== null && Bun.spawnSync([...command]).exitCode === 0;
}

/** What is missing for it here; said once, where the tests are skipped. */
export function missingForSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small disk';
  const place = mkdtempSync(join(tmpdir(), 'ipc-mount-'));
  const mounted = ran('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place);
  if (mounted) ran('umount', place);
  rmSync(place, { recursive: true });
  return mounted ? undefined : 'this machine lets nobody mount a disk';
}

export function mountHome(machine: Machine, megabytes: number): SmallDisk {
  mkdirSync(machine.home, { mode: 0o700 });
  const options = `size=${megabytes}m,mode=700`;
  if (!ran('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', machine.home)) throw new Error('no disk mounted');
  const ballast = join(machine.home, 'what-others-wrote');
  return {
    fill: (leave = 0) => {
      rmSync(ballast, { force: true });
      const { bavail, bsize } = statfsSync(machine.home);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - leave, 1));
    },
    empty: () => rmSync(ballast, { force: true }),
    remount: (how) => {
      if (!ran('mount', '-o', `remount,${how}`, machine.home)) throw new Error(`not remounted ${how}`);
    },
    [Symbol.asyncDispose]: async () => {
      ran('mount', '-o', 'remount,rw', machine.home);
      await machine.run(['daemon', 'stop']);
      ran('umount', '-l', machine.home);
    },
  };
}
