/** What the engine throws, in the words of the failures table. */
import { SQLiteError } from 'bun:sqlite';
import { Failure } from '../../protocol/failures.ts';

/** Errors that are not the engine's come back as they are: a fault of ours must not look like the disk's. */
export function storeFault(error: unknown): unknown {
  if (!(error instanceof SQLiteError)) return error;
  const code = error.code ?? '';
  const cause = { cause: error };
  if (isFull(error)) return new Failure('disk_full', 'wanted to write, found the disk full', cause);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new Failure('busy', 'wanted to write, found the store locked by another process', cause);
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) {
    return new Failure('cannot_create', `wanted a store that can be written, found: ${error.message}`, cause);
  }
  if (isLastingFault(error)) {
    return new Failure(
      'store_damaged',
      `wanted the store on the disk; the disk failed to sync it (${code}): nothing is acknowledged until the store was opened anew and checked`,
      cause,
    );
  }
  if (WRITE_FAULT.test(code)) {
    return new Failure(
      'cannot_create',
      `wanted to write to the store; the system refused (${code}): nothing of this was stored`,
      cause,
    );
  }
  if (isDamage(code))
    return new Failure('store_damaged', `the store cannot be trusted: ${error.message}`, cause);
  return error;
}

/** A write that failed at once, as over a quota (EDQUOT) or on a file system that became read-only. */
const WRITE_FAULT =
  /^SQLITE_IOERR_(WRITE|TRUNCATE|DELETE|SHMOPEN|SHMMAP|GETTEMPPATH|BEGIN_ATOMIC|COMMIT_ATOMIC|LOCK|CLOSE)$/;

function isDamage(code: string): boolean {
  return (
    code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_IOERR')
  );
}

/** No room; what is shared in memory needs some on the disk too. */
export function isFull(error: unknown): boolean {
  return (
    error instanceof SQLiteError && (error.code === 'SQLITE_FULL' || error.code === 'SQLITE_IOERR_SHMSIZE')
  );
}

/** Concerns the whole file, not one step. */
export function isStoreFault(error: unknown): boolean {
  return storeFault(error) !== error;
}

/**
 * After a failed sync (EIO) the kernel forgets the error and the next sync succeeds, though pages are
 * lost: nothing may be acknowledged on that connection again.
 */
export function isLastingFault(error: unknown): boolean {
  if (!(error instanceof SQLiteError)) return false;
  const code = error.code ?? '';
  return code.startsWith('SQLITE_IOERR_FSYNC') || code.startsWith('SQLITE_IOERR_DIR_FSYNC');
}
