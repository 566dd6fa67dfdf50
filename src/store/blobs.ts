/**
 * Blobs in files: `<directory>/<first two digits>/<sha256>`, adopted by rename from the staging folder
 * into which clients write. Nothing here reads or copies the bytes.
 */
import { statSync } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Blobs } from '../core/ports.ts';
import { Failure, type FailureCode } from '../protocol/failures.ts';
import { refuse } from './engine/refusal.ts';

const SHA256 = /^[0-9a-f]{64}$/;
const STAGED = /^[0-9a-fA-F-]{36}$/;
const STAGING = 'staging';
/** Adoptions; between one and its send lie milliseconds. */
const REMEMBERED = 10_000;
const STAGED_FOR_MS = 24 * 3_600_000;

export function openBlobs({ directory }: { readonly directory: string }): Blobs {
  /**
   * Adopted and perhaps not referred to yet: a discard that was decided before must pass over it once.
   * The store tells of an orphan twice, so one that stays without a message goes the second time.
   */
  const fresh = new Set<string>();

  const path = (sha256: string): string => {
    if (!SHA256.test(sha256)) throw new Error(`wanted a SHA-256 in hex, found ${JSON.stringify(sha256)}`);
    return join(directory, sha256.slice(0, 2), sha256);
  };

  return {
    path,
    holds: ({ sha256, size }) => statSync(path(sha256), { throwIfNoEntry: false })?.size === size,
    adopt: async ({ staged, ...blob }) => {
      fresh.add(blob.sha256);
      const [oldest] = fresh;
      if (fresh.size > REMEMBERED && oldest !== undefined) fresh.delete(oldest);
      const adoption = { directory, target: path(blob.sha256), staged, size: blob.size };
      const refusal = await adopt(adoption).catch((error: unknown) => {
        throw blobFault(error);
      });
      return refusal ?? { ok: true, blob };
    },
    missing: async (sha256s) => {
      const sizes = await Promise.all(sha256s.map((sha256) => sizeOf(path(sha256))));
      return sha256s.filter((_, index) => sizes[index] === null);
    },
    discard: async (sha256s) => {
      for (const sha256 of sha256s) if (!fresh.delete(sha256)) await remove(path(sha256));
    },
    sweep: async (now) => {
      const staging = join(directory, STAGING);
      for (const name of await readdir(staging).catch(() => [])) {
        const file = join(staging, name);
        const age = now - ((await lstat(file).catch(() => null))?.mtimeMs ?? now);
        if (age > STAGED_FOR_MS) await rm(file, { force: true, recursive: true });
      }
    },
  };
}

const BLOB_FAULTS: Readonly<Record<string, FailureCode>> = {
  EDQUOT: 'disk_full',
  EMFILE: 'busy',
  ENFILE: 'busy',
  ENOSPC: 'disk_full',
};

/** What the system refuses, in the words of the failures table. */
function blobFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^E[A-Z]+$/.test(code)) return error;
  return new Failure(
    BLOB_FAULTS[code] ?? 'cannot_create',
    `wanted to keep the bytes of a message; ${String(error)}: nothing of it was stored`,
    { cause: error },
  );
}

/** Windows opens no folders, some file systems sync none; all else (no descriptor left, a dying disk) is a fault. */
function unlessUnable(error: unknown): null {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^(EISDIR|EPERM|EACCES|EINVAL|ENOTSUP)$/.test(code)) return null;
  throw error;
}

interface Adoption {
  readonly directory: string;
  readonly target: string;
  readonly staged: string;
  readonly size: number;
}

async function adopt({ directory, target, staged, size }: Adoption) {
  // The name comes over the wire: it must not lead out of the folder.
  if (!STAGED.test(staged))
    return refuse('invalid_data', `wanted a staged file, found ${JSON.stringify(staged)}`);
  // Through a link the bytes would be taken from, and put, where somebody else wants them.
  for (const folder of [directory, join(directory, STAGING), dirname(target)]) {
    if ((await lstat(folder).catch(() => null))?.isSymbolicLink() === true)
      return refuse('invalid_data', `wanted a folder of the store at ${folder}, found a symbolic link`);
  }
  const source = join(directory, STAGING, staged);
  const found = await lstat(source).catch(() => null);
  const known = await sizeOf(target);
  if (found === null) {
    // Sent again after the first adoption, or the same bytes from somebody else.
    if (known !== size) return refuse('no_such_file', `no staged file ${staged}`);
    await settle(directory, target);
    return null;
  }
  if (!found.isFile()) return refuse('invalid_data', `wanted a file, found something else at ${staged}`);
  if (found.size !== size) {
    return refuse('invalid_data', `wanted ${size} bytes in ${staged}, found ${found.size}`);
  }
  if (known === size) {
    await rm(source, { force: true });
    // Whoever adopted it may not have come so far yet.
    await settle(directory, target);
    return null;
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  // Read-only: whoever is given the path must not change what the hash names.
  await chmod(source, 0o400);
  await rename(source, target);
  await settle(directory, target);
  return null;
}

async function sizeOf(file: string): Promise<number | null> {
  const found = await stat(file).catch(() => null);
  return found?.size ?? null;
}

async function remove(file: string): Promise<void> {
  // Windows deletes no read-only file.
  await chmod(file, 0o600).catch(() => {});
  await rm(file, { force: true });
}

/** The rename must be on the disk before a message refers to it, and so must the folder's own name. */
async function settle(directory: string, target: string): Promise<void> {
  await syncFolder(dirname(target));
  await syncFolder(directory);
}

/** Windows opens a folder and syncs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r').catch(unlessUnable);
  if (handle === null) return;
  try {
    await handle.sync().catch(unlessUnable);
  } finally {
    await handle.close();
  }
}
