/** The files that messages carry: whether each is there and is what its name says, and where else one may lie. */
import { createReadStream, existsSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BlobFindings {
  readonly missing: readonly string[];
  readonly altered: readonly string[];
}

export function blobPath(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256);
}

export async function lookAtBlobs(folder: string, sha256s: readonly string[]): Promise<BlobFindings> {
  const missing: string[] = [];
  const altered: string[] = [];
  for (const sha256 of sha256s) {
    const path = blobPath(folder, sha256);
    if (!existsSync(path)) missing.push(path);
    else if ((await hashOf(path)) !== sha256) altered.push(path);
  }
  return { missing, altered };
}

async function hashOf(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256');
  for await (const chunk of createReadStream(path)) hasher.update(chunk as Uint8Array);
  return hasher.digest('hex');
}

/** Moves an altered file out of the way: what is wrong must not pass for what is meant. */
export function putAside(path: string, stamp: string): void {
  renameSync(path, `${path}.damaged-${stamp}`);
}

/** Looks for the missing ones among files that nothing refers to; returns how many were found. */
export async function reattach(folder: string, missing: readonly string[]): Promise<number> {
  const wanted = new Map(missing.map((path) => [path.slice(path.lastIndexOf('/') + 1), path]));
  let found = 0;
  for (const file of wanted.size === 0 ? [] : strayFiles(folder)) {
    const target = wanted.get(await hashOf(file));
    if (target === undefined || existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    renameSync(file, target);
    found += 1;
  }
  return found;
}

/** Every file that is not where its own name says. */
function* strayFiles(folder: string): Generator<string> {
  for (const sub of listOf(folder)) {
    for (const name of listOf(join(folder, sub))) {
      const file = join(folder, sub, name);
      const isHome = /^[0-9a-f]{64}$/.test(name) && name.startsWith(sub);
      if (!isHome && lstatSync(file).isFile()) yield file;
    }
  }
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
