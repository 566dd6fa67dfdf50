/** Small facts and steps about single files, shared by those who keep one in the home. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  mkdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { randomText } from './ids.ts';

/** A path as one word of a POSIX shell, so that a hint can be pasted. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Identity of a file, to notice that another one stands in its place; undefined when there is none. */
export function fileIdentity(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

/** A small file's text, or undefined when it is not there. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The system's word for what went wrong: ENOENT, EACCES, … */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a message carries and the disk no longer has. */
export function missingFile(path: string): Failure {
  return new Failure(
    'no_such_file',
    `wanted the file of the message, found none, or not all of it, at ${path}`,
    {
      hint: 'ipc doctor --repair',
    },
  );
}

const FULL = /^(ENOSPC|EDQUOT|SQLITE_FULL)$/;
const CLOSED =
  /^(EROFS|EACCES|EPERM|ELOOP|ENOTDIR|EISDIR|EEXIST|SQLITE_CANTOPEN(_.*)?|SQLITE_READONLY(_.*)?|SQLITE_PERM)$/;

/** Why nothing can be written at a path, as what the user can mend: a full disk, a closed folder. */
export function writeFault(path: string, error: unknown): unknown {
  const code = errorCode(error) ?? '';
  if (FULL.test(code)) {
    return new Failure('disk_full', `wanted room to write ${path}; ${String(error)}`, {
      hint: 'df -h',
      cause: error,
    });
  }
  if (!CLOSED.test(code)) return error;
  return new Failure('cannot_create', `wanted to write ${path}; ${String(error)}`, {
    hint: `ls -ld ${shellWord(path.slice(0, path.lastIndexOf('/')) || '/')}`,
    cause: error,
  });
}

/** Does what writes at a path; throws `disk_full` or `cannot_create` where the system will not. */
export function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw writeFault(path, error);
  }
}

/** Makes a private folder unless it is there. One that a link leads out of the home to is none of ours. */
export function makeFolder(path: string): void {
  writing(path, () => {
    // A umask may take even its owner's rights away.
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined && posix) chmodSync(path, 0o700);
  });
  if (lstatSync(path).isSymbolicLink()) throw isLink(path);
}

export function isLink(path: string): Failure {
  const hint = `ls -ld ${shellWord(path)}`;
  return new Failure('home_unsafe', `wanted ${path} to be our own; it is a symbolic link`, { hint });
}

/** Not where a link leads. Windows knows neither that nor modes. */
const posix = 'O_NOFOLLOW' in constants && typeof constants.O_NOFOLLOW === 'number';
const TO_APPEND = posix
  ? constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  : 'a';

/** Opens a private file to write on at its end. Nothing is written where a link leads. */
export function openToAppend(path: string): number {
  return writing(path, () => {
    const file = openSync(path, TO_APPEND, 0o600);
    if (posix) fchmodSync(file, 0o600);
    return file;
  });
}

/** Writes a whole private file or nothing: whoever reads it sees the old text or the new. */
export function replaceFile(path: string, text: string): void {
  const fresh = writeBeside(path, text);
  try {
    renameSync(fresh, path);
  } catch (error) {
    removeIfThere(fresh);
    throw writeFault(path, error);
  }
}

/**
 * Makes a private file unless there is one; false: there is. By link, so that of fifty that race one
 * wins and none ever reads a half-written file.
 */
export function createFile(path: string, text: string): boolean {
  const fresh = writeBeside(path, text);
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw writeFault(path, error);
  } finally {
    removeIfThere(fresh);
  }
}

export function removeIfThere(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function writeBeside(path: string, text: string): string {
  const fresh = `${path}.${randomText(9)}~`;
  const file = writing(path, () => openSync(fresh, 'wx', 0o600));
  try {
    if (posix) fchmodSync(file, 0o600);
    writeSync(file, text);
  } catch (error) {
    removeIfThere(fresh);
    throw writeFault(path, error);
  } finally {
    closeSync(file);
  }
  return fresh;
}
