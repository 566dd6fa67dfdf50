/**
 * Whether a folder may be trusted with mail and keys (design §4): ours, a real folder, and writable
 * by nobody else. Asked before every connection, because whoever can replace the socket can answer.
 */
import { chmodSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import type { Environment } from './environment.ts';
import { errorCode, makeFolders, parentOf, shellWord, syncFolder, writeFault } from './files.ts';
import type { Paths } from './paths.ts';

/** Makes the home, and the socket's folder, when they are not there. Throws `home_unsafe`, `cannot_create`. */
export function prepareHome(paths: Paths, environment: Environment): void {
  prepareFolder(paths.home, environment, 'home');
  if (paths.socketFolder !== paths.home && paths.socketFolder !== '') {
    prepareFolder(paths.socketFolder, environment, 'socket');
  }
}

/** As `prepareHome`, but makes nothing; false: there is no home yet. */
export function checkHome(paths: Paths, environment: Environment): boolean {
  if (!checkFolder(paths.home, environment, 'home')) return false;
  if (paths.socketFolder === paths.home || paths.socketFolder === '') return true;
  return checkFolder(paths.socketFolder, environment, 'socket');
}

/**
 * What the folder is for decides what mends it: the socket's, in a place where anybody may make one, holds nothing
 * of ours when it is not ours, and to take it over would be to take over what somebody else listens on in it.
 */
type Purpose = 'home' | 'socket';

function prepareFolder(path: string, environment: Environment, purpose: Purpose): void {
  if (checkFolder(path, environment, purpose)) return;
  try {
    makeFolders(parentOf(path));
    // Not `recursive`, which takes what somebody else put there since we looked, a link too, for made.
    mkdirSync(path, { mode: 0o700 });
    syncFolder(parentOf(path));
    // `mode` is cut by the umask.
    if (environment.uid !== undefined) chmodSync(path, 0o700);
  } catch (error) {
    // Another command of ours, or somebody else: the look below tells.
    if (errorCode(error) === 'EEXIST' && checkFolder(path, environment, purpose)) return;
    const fault = writeFault(path, error);
    if (fault instanceof Failure && fault.code === 'disk_full') throw fault;
    const cause = fault instanceof Failure ? fault.cause : fault;
    throw new Failure('cannot_create', `wanted to make the folder ${path}: ${String(cause)}`, {
      hint: 'IPC_HOME=<folder> ipc doctor',
      cause,
    });
  }
  if (!checkFolder(path, environment, purpose))
    throw unsafe(path, 'it vanished while it was made', `ls -ld ${path}`);
}

function checkFolder(path: string, environment: Environment, purpose: Purpose): boolean {
  const found = look(path);
  if (found === undefined) return false;
  const quoted = shellWord(path);
  if (found.isSymbolicLink())
    throw unsafe(
      path,
      'it is a symbolic link',
      purpose === 'home' ? `IPC_HOME="$(realpath ${quoted})" ipc doctor` : `sudo rm ${quoted}`,
    );
  if (!found.isDirectory()) throw unsafe(path, 'it is not a folder', `ls -ld ${quoted}`);
  if (environment.uid === undefined) return true;
  if (found.uid !== environment.uid) {
    throw unsafe(
      path,
      `it belongs to user ${found.uid}, not ${environment.uid}`,
      purpose === 'home' ? `sudo chown -R "$USER" ${quoted}` : `sudo rm -r ${quoted}`,
    );
  }
  if ((found.mode & 0o022) !== 0) {
    throw unsafe(
      path,
      `others may write to it (mode ${(found.mode & 0o777).toString(8)})`,
      `chmod 700 ${quoted}`,
    );
  }
  // Nobody else could have changed anything in it: what others might read is closed to them.
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  return true;
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unsafe(path, `it cannot be looked at (${String(error)})`, `ls -ld ${shellWord(path)}`);
  }
}

function unsafe(path: string, found: string, hint: string): Failure {
  return new Failure('home_unsafe', `wanted a folder of our own at ${path}; ${found}`, { hint });
}
