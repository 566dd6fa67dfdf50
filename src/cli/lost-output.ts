/** Telling a stdout that was closed (`ipc check >&-`) from one that a user sent to nowhere. */
import { fstatSync, readFileSync } from 'node:fs';

/** O_CLOEXEC in the octal flags of `/proc/self/fdinfo` (proc(5)). */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * The runtime opens /dev/null where fd 1 was closed, so writing there succeeds. Its own has
 * close-on-exec set, and what was inherited through an exec cannot have it: `>/dev/null` by a user is
 * told apart for sure. Only Linux shows the flags in a file; elsewhere a closed stdout stays unnoticed.
 */
export function stdoutWasClosed(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const { rdev } = fstatSync(1);
    // Character device 1:3 is null (Documentation/admin-guide/devices.txt).
    if (rdev !== 0x103) return false;
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/1', 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EBADF';
  }
}
