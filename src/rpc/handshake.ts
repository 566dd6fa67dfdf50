/** The daemon's side of `rpc.hello` (design §4, §5): versions, the shared secret both ways, who calls. */
import { z } from 'zod';
import { Failure } from '../protocol/failures.ts';
import { readBy } from '../protocol/reading.ts';
import { PROTOCOL, type Challenge, type Hello } from '../protocol/wire.ts';
import { randomText } from '../system/ids.ts';
import { proofOf, sameProof } from '../system/secret.ts';
import { compareVersions } from '../system/version.ts';

const text = z.string().max(4_096);
const nonce = z.string().min(16).max(128);

const HelloFrame = z.object({
  protocol: z.object({ min: z.int(), max: z.int() }),
  version: z.string().max(64),
  nonce: nonce.optional(),
  proof: z.string().max(128).optional(),
  caller: z
    .object({
      client: z.string().max(64),
      kind: z.enum(['human', 'agent', 'script', 'webhook', 'kernel']),
      unverified: z.boolean().optional(),
      pid: z.int().nonnegative(),
      program: z.string().max(256).optional(),
      directory: text.optional(),
      project: text.optional(),
      branch: text.optional(),
    })
    .optional(),
  credential: z.object({ name: z.string().max(65), key: z.string().max(64) }).optional(),
  borrowed: z.boolean().optional(),
});

export interface HandshakeParts {
  readonly version: string;
  readonly pid: number;
  /** Undefined: none is asked for. */
  readonly secret: () => string | undefined;
}

/** What a hello leads to. `outdated`: the caller is newer than this daemon, which is to make room. */
export type Greeting =
  | { readonly step: 'challenge'; readonly challenge: Challenge }
  | { readonly step: 'enter'; readonly hello: Hello; readonly outdated: boolean };

export class Handshake {
  readonly #parts: HandshakeParts;
  #nonces: { client: string; daemon: string } | undefined;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
  }

  /** Throws `invalid`, `daemon_newer`, `secret_mismatch`. */
  greet(params: unknown): Greeting {
    const hello = parseHello(params);
    const outdated = this.#compare(hello);
    const secret = this.#parts.secret();
    if (secret !== undefined && hello.proof === undefined) return this.#challenge(hello.nonce, secret);
    if (secret !== undefined) this.#prove(hello.proof, secret);
    else if (hello.nonce !== undefined)
      throw mismatch('the caller has a shared secret, this daemon has none');
    return { step: 'enter', hello, outdated };
  }

  /** Whether this daemon is the older of the two. */
  #compare(hello: Hello): boolean {
    const { version, pid } = this.#parts;
    if (hello.protocol.max < PROTOCOL.min) {
      throw new Failure(
        'daemon_newer',
        `wanted a caller of protocol ${PROTOCOL.min} or later, found ${hello.protocol.max}; this daemon is version ${version}`,
        { details: { version, pid, protocolMin: PROTOCOL.min, protocolMax: PROTOCOL.max } },
      );
    }
    return hello.protocol.min > PROTOCOL.max || compareVersions(version, hello.version) < 0;
  }

  #challenge(client: string | undefined, secret: string): Greeting {
    if (client === undefined) throw mismatch('this daemon asks for a shared secret, the caller has none');
    const nonces = { client, daemon: randomText(32) };
    this.#nonces = nonces;
    const proof = proofOf(secret, 'daemon', nonces);
    return { step: 'challenge', challenge: { version: this.#parts.version, nonce: nonces.daemon, proof } };
  }

  #prove(proof: string | undefined, secret: string): void {
    const nonces = this.#nonces;
    // A challenge is good for one answer: none can be tried again, or used on another connection.
    this.#nonces = undefined;
    if (nonces === undefined) throw mismatch('the proof answers no challenge of this connection');
    if (sameProof(proofOf(secret, 'client', nonces), proof ?? '')) return;
    throw mismatch('the shared secrets of caller and daemon differ');
  }
}

function mismatch(found: string): Failure {
  return new Failure('secret_mismatch', `wanted the same shared secret on both sides; ${found}`);
}

function parseHello(params: unknown): Hello {
  const parsed = readBy(HelloFrame, params);
  // Absent and undefined are one on the wire; the exact types only know absent.
  if (parsed.success) return JSON.parse(JSON.stringify(parsed.data)) as Hello;
  const issue = parsed.error.issues[0];
  throw new Failure(
    'invalid',
    `hello: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`,
  );
}
