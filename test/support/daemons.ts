/** Which processes are, or are about to be, the daemon of a home. Read from /proc, so on Linux alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { isAlive } from './home.ts';

export function daemonsOf(home: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isDaemonOf(home, pid) && isAlive(pid));
}

function isDaemonOf(home: string, pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!words.join(' ').includes('daemon run')) return false;
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`IPC_HOME=${home}`);
  } catch {
    // Gone, or another user's.
    return false;
  }
}
