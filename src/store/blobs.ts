/**
 * Blobs in files: `<directory>/<first two digits>/<sha256>`, adopted by rename from the staging folder
 * into which clients write. Nothing here reads or copies the bytes.
 */
import { statSync } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Blobs } from '../core/ports.ts';
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
      const refusal = await adopt({ directory, target: path(blob.sha256), staged, size: blob.size });
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
    return known === size ? null : refuse('no_such_file', `no staged file ${staged}`);
  }
  if (!found.isFile()) return refuse('invalid_data', `wanted a file, found something else at ${staged}`);
  if (found.size !== size) {
    return refuse('invalid_data', `wanted ${size} bytes in ${staged}, found ${found.size}`);
  }
  if (known === size) {
    await rm(source, { force: true });
    return null;
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  // Read-only: whoever is given the path must not change what the hash names.
  await chmod(source, 0o400);
  await rename(source, target);
  await syncFolder(dirname(target));
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

/** The rename must be on the disk before a message refers to it. Windows opens a folder and syncs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r').catch(() => null);
  if (handle === null) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
