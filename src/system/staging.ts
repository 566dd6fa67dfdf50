/**
 * The client's side of blobs (design §6): bytes of any size are put into the home's staging folder
 * by the sender, hashed and synced; the message then carries only their name. Where the file system
 * can share blocks, copying a file costs nothing but the hash. Never on the path of a plain `send`.
 */
import { accessSync, constants, copyFileSync, createReadStream, statSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { Failure } from '../protocol/failures.ts';
import type { StagedBlob } from '../protocol/model.ts';
import { makeFolder, removeIfThere, writeFault } from './files.ts';
import { randomUuid } from './ids.ts';
import type { Paths } from './paths.ts';

export interface StagingOptions {
  /** Called with the bytes done so far and, when it is known, the whole size. */
  readonly progress?: (done: number, whole: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** Throws `no_such_file`, `disk_full`, `cannot_create`. */
export async function stageFile(
  paths: Paths,
  file: string,
  options: StagingOptions = {},
): Promise<StagedBlob> {
  const facts = regularFile(file);
  const staged = newStaged(paths);
  try {
    copyFileSync(file, staged.path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    // The copy is hashed, not the original: what somebody writes meanwhile cannot part hash and bytes.
    const { sha256, size } = await digest(staged.path, { whole: facts.size, ...options });
    await syncPrivately(staged.path);
    return { sha256, size, staged: staged.name };
  } catch (error) {
    throw giveUp({ staged: staged.path, source: file }, error);
  }
}

/** As `stageFile`, from a pipe: its size is known only at the end. */
export async function stageStream(
  paths: Paths,
  source: AsyncIterable<Uint8Array>,
  options: StagingOptions = {},
): Promise<StagedBlob> {
  const staged = newStaged(paths);
  const hasher = new Bun.CryptoHasher('sha256');
  let size = 0;
  try {
    await using file = await open(staged.path, 'wx', 0o600);
    await file.chmod(0o600);
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      hasher.update(chunk);
      await file.writeFile(chunk);
      size += chunk.length;
      options.progress?.(size, undefined);
    }
    await file.sync();
    return { sha256: hasher.digest('hex'), size, staged: staged.name };
  } catch (error) {
    throw giveUp({ staged: staged.path, source: undefined }, error);
  }
}

/** A staged blob nobody will send. */
export function unstage(paths: Paths, blob: StagedBlob): void {
  removeIfThere(`${paths.staging}/${blob.staged}`);
}

function newStaged(paths: Paths): { name: string; path: string } {
  // One after the other: a umask may close the first to its own user.
  makeFolder(paths.blobs);
  makeFolder(paths.staging);
  const name = randomUuid();
  return { name, path: `${paths.staging}/${name}` };
}

function regularFile(file: string): Stats {
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts === undefined) throw noFile(file, 'there is none');
  if (!facts.isFile()) throw noFile(file, facts.isDirectory() ? 'it is a folder' : 'it is not a plain file');
  return facts;
}

async function digest(
  path: string,
  options: StagingOptions & { whole: number },
): Promise<{ sha256: string; size: number }> {
  const hasher = new Bun.CryptoHasher('sha256');
  let size = 0;
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 1_048_576 });
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    hasher.update(chunk);
    size += chunk.length;
    options.progress?.(size, options.whole);
  }
  return { sha256: hasher.digest('hex'), size };
}

/** The copy took the mode of the original; and the message must not be acknowledged before its bytes are on the disk. */
async function syncPrivately(path: string): Promise<void> {
  // chmod first: a read-only original leaves a copy that could not be opened for writing.
  const { chmod } = await import('node:fs/promises');
  await chmod(path, 0o600);
  await using file = await open(path, 'r+');
  await file.sync();
}

function giveUp(paths: { staged: string; source: string | undefined }, error: unknown): unknown {
  try {
    removeIfThere(paths.staged);
  } catch {
    // What kept it from being written keeps it from being removed.
  }
  const { source } = paths;
  // The system's word does not say which of the two files it means.
  const unreadable = source === undefined ? undefined : whyUnreadable(source);
  if (source !== undefined && unreadable !== undefined) return noFile(source, unreadable);
  return writeFault(paths.staged, error);
}

function whyUnreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function noFile(file: string, found: string): Failure {
  return new Failure('no_such_file', `wanted to read ${file}; ${found}`, { hint: `ls -l ${file}` });
}
