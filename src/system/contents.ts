/**
 * Whether what lies in the home is what a daemon puts there (design §4): a file, a folder or a socket of
 * ours. A link would be written through, into a file of somebody else's making; a pipe in a file's place
 * would hold whoever opens it for ever; and a file in the socket's place is not ours to overwrite.
 */
import { lstatSync, type Stats } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import type { Environment } from './environment.ts';
import { shellWord } from './files.ts';
import { isPipe, type Paths } from './paths.ts';

type Sort = 'file' | 'folder' | 'socket';

/** Asked before any of it is opened or made by a daemon, or by who starts one. Throws `home_unsafe`. */
export function checkContents(paths: Paths, { uid }: Environment): void {
  for (const path of filesOf(paths)) check(path, 'file', uid);
  for (const path of foldersOf(paths)) check(path, 'folder', uid);
  checkSocket(paths.socket, uid);
}

function filesOf(paths: Paths): readonly string[] {
  const { database, config, log, secret, tokens, defaultToken, pipeKey } = paths;
  const locks = [paths.daemonLock, paths.startLock, paths.namingLock, paths.setupLock];
  return [
    database,
    `${database}-wal`,
    `${database}-shm`,
    config,
    log,
    secret,
    tokens,
    defaultToken,
    pipeKey,
    ...locks,
  ];
}

function foldersOf(paths: Paths): readonly string[] {
  const { keys, bindings, blobs, staging, backups, kernels, webhooks, autoCheck, hookNotes, waiters } = paths;
  return [keys, bindings, blobs, staging, backups, kernels, webhooks, autoCheck, hookNotes, waiters];
}

/**
 * False: there is none. Whoever dials a link shows his key to whatever listens at its end. Throws
 * `home_unsafe`.
 */
export function checkSocket(path: string, uid: number | undefined): boolean {
  // A Windows pipe lies in no folder.
  return isPipe(path) || check(path, 'socket', uid);
}

function check(path: string, wanted: Sort, uid: number | undefined): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const sort = sortOf(found);
  if (sort !== wanted) {
    throw new Failure('home_unsafe', `wanted a ${wanted} of our own at ${path}; found ${inWords(sort)}`, {
      // Out of the way, and nothing of it lost.
      hint: `mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`,
    });
  }
  if (uid === undefined || found.uid === uid) return true;
  throw new Failure(
    'home_unsafe',
    `wanted a ${wanted} of our own at ${path}; it belongs to user ${found.uid}, not ${uid}`,
    { hint: `sudo chown -hR "$USER" ${shellWord(path)}` },
  );
}

type Found = Sort | 'link' | 'other';

function sortOf(found: Stats): Found {
  if (found.isSymbolicLink()) return 'link';
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'folder';
  return found.isSocket() ? 'socket' : 'other';
}

function inWords(sort: Found): string {
  switch (sort) {
    case 'link':
      return 'a symbolic link';
    case 'other':
      return 'a pipe or a device';
    default:
      return `a ${sort}`;
  }
}
