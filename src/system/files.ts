/** Small facts and steps about single files, shared by those who keep one in the home. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
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
/** Some file systems sync no folders, or not those of others (EINVAL, EACCES); nothing can be done about it. */
const UNSYNCED = /^(EINVAL|ENOTSUP|EOPNOTSUPP|EACCES|EPERM)$/;
const CLOSED =
  /^(EACCES|EPERM|ELOOP|ENOTDIR|EISDIR|EEXIST|SQLITE_CANTOPEN(_.*)?|SQLITE_READONLY(_.*)?|SQLITE_PERM)$/;

export function isOutOfFiles(error: unknown): boolean {
  return /^(EMFILE|ENFILE)$/.test(errorCode(error) ?? '');
}

/** Why nothing can be written at a path, as what the user can mend: a full disk, a closed folder. */
export function writeFault(path: string, error: unknown): unknown {
  const code = errorCode(error) ?? '';
  if (FULL.test(code)) {
    return new Failure('disk_full', `wanted room to write ${path}; ${String(error)}`, {
      hint: `df -h ${shellWord(path.slice(0, path.lastIndexOf('/')) || '/')}`,
      cause: error,
    });
  }
  if (code === 'EIO') {
    return new Failure('cannot_create', `wanted to write ${path}; the disk fails: ${String(error)}`, {
      hint: 'dmesg | tail',
      cause: error,
    });
  }
  if (isOutOfFiles(error)) {
    return new Failure('cannot_create', `wanted to open ${path}; no more open files are allowed (${code})`, {
      hint: 'ulimit -n',
      cause: error,
    });
  }
  if (code === 'EROFS') {
    const where = shellWord(path.slice(0, path.lastIndexOf('/')) || '/');
    return new Failure('cannot_create', `wanted to write ${path}; its file system is read-only (${code})`, {
      hint: process.platform === 'linux' ? `findmnt -T ${where}` : 'mount',
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

function syncFile(file: number): void {
  fsyncSync(file);
}

/** Brings the names in a folder to the disk. Windows opens no folders. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  let folder: number | undefined;
  try {
    folder = openSync(path, 'r');
    fsyncSync(folder);
  } catch (error) {
    if (!UNSYNCED.test(errorCode(error) ?? '')) throw error;
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

/**
 * Makes a private folder unless it is there; it then outlives a power failure, as what is synced in it shall.
 * One that a link leads out of the home to is none of ours.
 */
export function makeFolder(path: string): void {
  makeFolders(path);
  if (lstatSync(path).isSymbolicLink()) throw isLink(path);
}

/** As `makeFolder`, wherever links on the way lead: not for what lies in the home. */
export function makeFolders(path: string): void {
  writing(path, () => {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // A umask may take even its owner's rights away.
    if (posix) chmodSync(path, 0o700);
    for (let made = path; made.length >= first.length; made = parentOf(made)) syncFolder(parentOf(made));
  });
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
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

/**
 * Writes a whole private file or nothing: whoever reads it sees the old text or the new, after a power failure
 * too. A rename alone may leave an empty file then: an agent whose key went so is locked out of its mailbox.
 */
export function replaceFile(path: string, text: string): void {
  moveInto(path, writeBeside(path, text, syncFile));
  writing(path, () => syncFolder(parentOf(path)));
}

/** As `replaceFile`, for what is worth no wait for the disk: a power failure may take it, or leave it empty. */
export function replaceUnsynced(path: string, text: string): void {
  moveInto(path, writeBeside(path, text));
}

function moveInto(path: string, fresh: string): void {
  try {
    renameOver(fresh, path);
  } catch (error) {
    removeIfThere(fresh);
    throw writeFault(path, error);
  }
}

/**
 * Windows replaces no file that somebody has open, were it for a moment: another command that reads it, or
 * what looks through every new file for viruses. They are waited for.
 */
function renameOver(from: string, to: string): void {
  for (let tries = 1; ; tries += 1) {
    try {
      return renameSync(from, to);
    } catch (error) {
      const open = process.platform === 'win32' && /^(EPERM|EACCES|EBUSY)$/.test(errorCode(error) ?? '');
      if (!open || tries >= OPEN_TRIES) throw error;
      Bun.sleepSync(OPEN_MS);
    }
  }
}

/** Together two seconds. */
const OPEN_TRIES = 200;
const OPEN_MS = 10;

/**
 * Makes a private file unless there is one; false: there is. By link, so that of fifty that race one
 * wins and none ever reads a half-written file. It is there after a power failure.
 */
export function createFile(path: string, text: string): boolean {
  const fresh = writeBeside(path, text, syncFile);
  try {
    linkSync(fresh, path);
    syncFolder(parentOf(path));
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw writeFault(path, error);
    // Who made it may not have synced it yet, and what is done with it must not outlive it.
    syncFolder(parentOf(path));
    return false;
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

function writeBeside(path: string, text: string, settle: (file: number) => void = () => undefined): string {
  const fresh = `${path}.${randomText(9)}~`;
  const file = writing(path, () => openSync(fresh, 'wx', 0o600));
  try {
    if (posix) fchmodSync(file, 0o600);
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    settle(file);
  } catch (error) {
    removeIfThere(fresh);
    throw writeFault(path, error);
  } finally {
    closeSync(file);
  }
  return fresh;
}
