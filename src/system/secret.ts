/**
 * The shared secret (design §5). Client and daemon prove to each other that they know it, by HMAC
 * over a nonce of each; it never crosses the wire. Each side's proof names its role, so none can be
 * thrown back at its maker, and covers both nonces, so none can be used again.
 */
import { Failure } from '../protocol/failures.ts';
import type { Environment } from './environment.ts';
import { variable } from './environment.ts';
import { createFile, readIfThere, removeIfThere } from './files.ts';
import { randomKey } from './ids.ts';
import type { Paths } from './paths.ts';

const KEY = /^[A-Za-z0-9_-]{43}$/;

export type Prover = 'client' | 'daemon';

/** The user's. Undefined: none is set. */
export function sharedSecret(paths: Paths, environment: Environment): string | undefined {
  const secret = variable(environment, 'IPC_SHARED_SECRET') ?? readIfThere(paths.secret)?.trim();
  return secret === '' ? undefined : secret;
}

/**
 * What client and daemon prove to each other; undefined: nothing. Read anew for each session, so
 * `ipc secret set` counts at once.
 *
 * Anybody may connect to a Windows pipe, or be there first under its name: Bun sets no access list on
 * one (design §3.2). What can be read only in the home tells both sides apart from them, always; a
 * shared secret is asked for beside it.
 */
export function sessionSecret(paths: Paths, environment: Environment): string | undefined {
  const shared = sharedSecret(paths, environment);
  if (environment.platform !== 'win32') return shared;
  const key = pipeKey(paths);
  return shared === undefined ? key : new Bun.CryptoHasher('sha256', key).update(shared).digest('base64url');
}

/** Made when there is none; fifty that race have the same one. */
function pipeKey(paths: Paths): string {
  for (let tries = 0; tries < 4; tries += 1) {
    const there = readIfThere(paths.pipeKey)?.trim();
    if (there !== undefined && KEY.test(there)) return there;
    // An empty one, as a power cut may leave it, would be everybody's.
    if (there !== undefined) removeIfThere(paths.pipeKey);
    createFile(paths.pipeKey, `${randomKey()}\n`);
  }
  throw new Failure('home_unsafe', `wanted the key of our pipe at ${paths.pipeKey}; what lies there is none`);
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
