/**
 * The shared secret (design §5). Client and daemon prove to each other that they know it, by HMAC
 * over a nonce of each; it never crosses the wire. Each side's proof names its role, so none can be
 * thrown back at its maker, and covers both nonces, so none can be used again.
 */
import type { Environment } from './environment.ts';
import { variable } from './environment.ts';
import { createFile, readIfThere } from './files.ts';
import { randomKey } from './ids.ts';
import type { Paths } from './paths.ts';

export type Prover = 'client' | 'daemon';

/** Undefined: none is asked for. Read anew for each session, so `ipc secret set` counts at once. */
export function sharedSecret(paths: Paths, environment: Environment): string | undefined {
  const secret = variable(environment, 'IPC_SHARED_SECRET') ?? readIfThere(paths.secret)?.trim();
  if (secret !== undefined && secret !== '') return secret;
  // A Windows pipe has no mode that keeps others out; what can be read only in the home does.
  return environment.platform === 'win32' ? pipeKey(paths) : undefined;
}

function pipeKey(paths: Paths): string | undefined {
  const there = readIfThere(paths.pipeKey);
  if (there !== undefined) return there;
  createFile(paths.pipeKey, randomKey());
  return readIfThere(paths.pipeKey);
}

export function proofOf(secret: string, prover: Prover, nonces: { client: string; daemon: string }): string {
  const words = JSON.stringify(['ipc', 1, prover, nonces.client, nonces.daemon]);
  return new Bun.CryptoHasher('sha256', secret).update(words).digest('base64url');
}

/** In the same time whatever differs. `node:crypto` has one, at 2 ms a load. */
export function sameProof(expected: string, found: string): boolean {
  let difference = expected.length ^ found.length;
  for (let index = 0; index < expected.length; index += 1) {
    difference |= expected.charCodeAt(index) ^ (found.charCodeAt(index) | 0);
  }
  return difference === 0;
}
