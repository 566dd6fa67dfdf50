/** Small facts and steps about single files, shared by those who keep one in the home. */
import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
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

/** Writes a whole private file or nothing: whoever reads it sees the old text or the new. */
export function replaceFile(path: string, text: string): void {
  const fresh = writeBeside(path, text);
  try {
    renameSync(fresh, path);
  } catch (error) {
    removeIfThere(fresh);
    throw error;
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
    throw error;
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
  const file = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
  return fresh;
}
