/**
 * A client program's file as it is on the disk: read with its marks, replaced whole or not at all, through
 * its symbolic link, with its mode and owner kept. A file whose owner took the right to write is refused,
 * though its folder would let us replace it.
 */
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure } from '../protocol/failures.ts';
import { errorCode, removeIfThere, shellWord, writeFault } from '../system/files.ts';
import { randomText } from '../system/ids.ts';

/** The text of a file, byte for byte; undefined when it is not there. Throws when it is not text. */
export function readConfigFile(path: string): string | undefined {
  let bytes: Uint8Array;
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    // A pipe would keep us waiting for whoever writes into it.
    if (facts !== undefined && !facts.isFile())
      throw new Error(facts.isDirectory() ? 'it is a folder' : 'it is not a plain file');
    bytes = readFileSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new Failure('cannot_create', `wanted to read ${path}; ${String(error)}`, {
      hint: `ls -l ${shellWord(path)}`,
      cause: error,
    });
  }
  try {
    // ignoreBOM: the mark stays in the text, so that it goes back where it was.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Failure(
      'invalid_data',
      `wanted UTF-8 text in ${path}; found other bytes; the file is as it was`,
      {
        hint: `file ${shellWord(path)}`,
        cause: error,
      },
    );
  }
}

/** Throws `cannot_create` when the file could not be replaced: asked before the first of several is. */
export function checkWritable(path: string): void {
  const target = behindLinks(path);
  if (existsSync(target)) {
    const { mode } = statSync(target);
    // Root may write to anything; that its owner closed the file is said by its mode alone.
    if ((mode & 0o222) === 0) throw closed(path, `it is read-only (mode ${(mode & 0o777).toString(8)})`);
    access(target, path);
  }
  access(existingFolder(target), path);
}

/** Replaces the text, or makes the file; returns the folders that were made for it. */
export function writeConfigFile(path: string, text: string): readonly string[] {
  const target = behindLinks(path);
  const folders = makeFolders(dirname(target));
  const old = existsSync(target) ? statSync(target) : undefined;
  const fresh = `${target}.${randomText(9)}~`;
  try {
    writeFileSync(fresh, text, {
      mode: old === undefined ? 0o600 : old.mode & 0o777,
      flag: 'wx',
      flush: true,
    });
    if (old !== undefined) {
      chmodSync(fresh, old.mode & 0o7777);
      keepOwner(fresh, old);
    }
    renameSync(fresh, target);
  } catch (error) {
    removeIfThere(fresh);
    throw writeFault(target, error);
  }
  return folders;
}

/** Takes away a file that was made, and the folders made for it where nothing else is in them. */
export function removeConfigFile(path: string, folders: readonly string[]): void {
  removeIfThere(behindLinks(path));
  for (const folder of folders.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

function makeFolders(folder: string): readonly string[] {
  const made: string[] = [];
  for (let at = folder; !existsSync(at); at = dirname(at)) made.unshift(at);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw writeFault(folder, error);
  }
  return made;
}

function existingFolder(target: string): string {
  let folder = dirname(target);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function access(place: string, path: string): void {
  try {
    accessSync(place, constants.W_OK);
  } catch (error) {
    throw closed(path, String(error));
  }
}

/** The file behind a link, also behind one that leads nowhere yet. */
function behindLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return link ? resolve(dirname(path), readlinkSync(path)) : path;
  }
}

/** Only root can give a file away, and only root's sudo needs it: whoever else made the copy owns it. */
function keepOwner(path: string, { uid, gid }: { uid: number; gid: number }): void {
  const own = statSync(path);
  if (own.uid === uid && own.gid === gid) return;
  try {
    chownSync(path, uid, gid);
  } catch {
    // The group may be one this user is not in: the file is the user's own all the same.
  }
}

function closed(path: string, found: string): Failure {
  return new Failure('cannot_create', `wanted to write ${path}; ${found}; nothing was changed`, {
    hint: `ls -l ${shellWord(path)}`,
  });
}
