/**
 * Whether a request comes from who shares the webhook's secret. Every secret that is good now is tried
 * and compared in constant time, over the raw bytes as they came: what is parsed first can differ from
 * what was signed.
 */
import { createPublicKey, hash, timingSafeEqual, verify as verifyEdwards } from 'node:crypto';
import { Failure } from '../../protocol/failures.ts';
import { secretsOf, type Algorithm, type Verification, type Webhook } from '../../system/webhooks.ts';
import { HttpFailure } from '../problem.ts';

/** Reference libraries of Standard Webhooks take five minutes both ways; Stripe and Slack too. */
export const TOLERANCE_SECONDS = 300;

export interface Proof {
  /** What the sender calls this delivery, the same in every attempt; undefined: it has no name for it. */
  readonly id: string | undefined;
}

type Hmac = Extract<Verification, { scheme: 'hmac' }>;

/** Throws 401 when it is not proven, 400 when a header is missing without which a repeat cannot be told. */
export function prove(webhook: Webhook, headers: Headers, bytes: Uint8Array, now: number): Proof {
  const secrets = secretsOf(webhook, now);
  const { verify } = webhook;
  switch (verify.scheme) {
    case 'github':
      return github(headers, bytes, secrets);
    case 'standard':
      return standard(headers, bytes, { secrets, now });
    case 'hmac':
      return hmac(verify, headers, bytes, { secrets, now });
    case 'bearer':
      return bearer(verify, headers, secrets);
  }
}

function github(headers: Headers, bytes: Uint8Array, secrets: readonly string[]): Proof {
  const said = headers.get('x-hub-signature-256');
  if (said === null) throw unproven('X-Hub-Signature-256: sha256=…', 'none');
  const [, hex = ''] = /^sha256=([0-9a-f]{64})$/i.exec(said.trim()) ?? [];
  if (!anyEqual(secrets, Buffer.from(hex, 'hex'), (secret) => digest('sha256', secret, [bytes])))
    throw unproven('the signature of this body by the secret of this webhook', 'another');
  const id = headers.get('x-github-delivery');
  if (id === null || id === '') throw missing('X-GitHub-Delivery');
  return { id: idOf(id) };
}

function standard(
  headers: Headers,
  bytes: Uint8Array,
  { secrets, now }: { secrets: readonly string[]; now: number },
): Proof {
  const [id, time, said] = ['id', 'timestamp', 'signature'].map(
    (name) => headers.get(`webhook-${name}`) ?? '',
  );
  if (id === undefined || time === undefined || said === undefined || id === '' || time === '' || said === '')
    throw unproven('webhook-id, webhook-timestamp and webhook-signature', 'not all of them');
  const content = [`${id}.${time}.`, bytes];
  const proven = said.split(' ').map((each) => standardMatches(each, secrets, content));
  if (!proven.includes(true)) throw unproven('a webhook-signature by the secret of this webhook', 'none');
  wantRecent(time, now);
  return { id: idOf(id) };
}

/** One of the signatures: `v1,<base64>` by a shared secret, `v1a,<base64>` by the key pair of the sender. */
function standardMatches(
  said: string,
  secrets: readonly string[],
  content: readonly (string | Uint8Array)[],
): boolean {
  const [version, text = ''] = said.split(',', 2);
  const signature = Buffer.from(text, 'base64');
  if (version === 'v1') {
    const shared = secrets.filter((secret) => !secret.startsWith(PUBLIC));
    return anyEqual(shared, signature, (secret) => digest('sha256', standardKey(secret), content));
  }
  if (version !== 'v1a') return false;
  const data = Buffer.concat(content.map((part) => Buffer.from(part as Uint8Array)));
  return secrets
    .filter((secret) => secret.startsWith(PUBLIC))
    .some((secret) => verifyEdwards(null, data, publicKey(secret), signature));
}

const PUBLIC = 'whpk_';
/** What stands before the 32 bytes of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

function publicKey(secret: string) {
  const raw = Buffer.from(secret.slice(PUBLIC.length), 'base64');
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

/** The bytes of `whsec_<base64>`. */
export function standardKey(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}

function hmac(
  verify: Hmac,
  headers: Headers,
  bytes: Uint8Array,
  { secrets, now }: { secrets: readonly string[]; now: number },
): Proof {
  const said = headers.get(verify.header);
  if (said === null) throw unproven(`a signature in ${verify.header}`, 'none');
  const { signatures, time: listed } = signaturesIn(said);
  const time =
    verify.timestampHeader === undefined ? listed : (headers.get(verify.timestampHeader) ?? undefined);
  const id = verify.idHeader === undefined ? undefined : (headers.get(verify.idHeader) ?? undefined);
  const timed = verify.signed.includes('{timestamp}');
  if (timed && time === undefined) throw unproven('the time at which it was signed', 'none');
  if (verify.signed.includes('{id}') && id === undefined)
    throw unproven(`an id in ${verify.idHeader}`, 'none');
  const content = signedContent(verify.signed, { bytes, time: time ?? '', id: id ?? '' });
  const expected = (secret: string): Buffer => digest(verify.algorithm, secret, content);
  const matching = signatures.filter((signature) => anyEqual(secrets, signature, expected));
  const [proven] = matching;
  if (proven === undefined)
    throw unproven(`a signature by the secret of this webhook in ${verify.header}`, 'another');
  if (timed) wantRecent(time ?? '', now);
  if (id !== undefined) return { id: idOf(id) };
  if (verify.idHeader !== undefined) throw missing(verify.idHeader);
  // A signature with its time is made once: who sends it again repeats this very delivery.
  return { id: timed ? `${time} ${proven.toString('hex')}` : givenId(headers) };
}

/**
 * The signatures of a header, in hex and in base64, whatever list they stand in: `sha256=<hex>`,
 * `t=<seconds>,v1=<hex>`, `v0=<hex>`, `<base64>`.
 */
function signaturesIn(said: string): { signatures: readonly Buffer[]; time: string | undefined } {
  const signatures: Buffer[] = [];
  let time: string | undefined;
  for (const part of said.split(/[,\s]+/).slice(0, 16)) {
    const [, name = '', value = ''] = /^(?:([A-Za-z][A-Za-z0-9-]{0,15})=)?(.+)$/.exec(part) ?? [];
    if (name === 't') time = value;
    else if (/^(?:[0-9a-f]{2})+$/i.test(value)) signatures.push(Buffer.from(value, 'hex'));
    else
      signatures.push(
        Buffer.from(/^[\w+/-]+=*$/.test(part) ? part : value, 'base64'),
        Buffer.from(value, 'base64'),
      );
  }
  return { signatures, time };
}

export function signedContent(
  signed: string,
  parts: { readonly bytes: Uint8Array; readonly time: string; readonly id: string },
): (string | Uint8Array)[] {
  return signed.split(/(\{(?:body|timestamp|id)\})/).map((part) => {
    switch (part) {
      case '{body}':
        return parts.bytes;
      case '{timestamp}':
        return parts.time;
      case '{id}':
        return parts.id;
      default:
        return part;
    }
  });
}

function bearer(
  verify: Extract<Verification, { scheme: 'bearer' }>,
  headers: Headers,
  secrets: readonly string[],
): Proof {
  const said =
    verify.header === undefined
      ? /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
      : (headers.get(verify.header) ?? undefined);
  if (said === undefined) throw unproven(`a token in ${verify.header ?? 'Authorization: Bearer …'}`, 'none');
  // Hashed first: tokens of any length are then compared in the same time.
  const expected = (secret: string): Buffer => Buffer.from(hash('sha256', secret, 'buffer'));
  if (!anyEqual(secrets, Buffer.from(hash('sha256', said, 'buffer')), expected))
    throw unproven('the token of this webhook', 'another');
  if (verify.idHeader === undefined) return { id: givenId(headers) };
  const id = headers.get(verify.idHeader);
  if (id === null || id === '') throw missing(verify.idHeader);
  return { id: idOf(id) };
}

export function digest(
  algorithm: Algorithm,
  secret: string | Uint8Array,
  content: readonly (string | Uint8Array)[],
): Buffer {
  // Half the time of node:crypto's.
  const hasher = new Bun.CryptoHasher(algorithm, secret);
  for (const part of content) hasher.update(part);
  return hasher.digest();
}

/** Every secret is tried: how long it takes says nothing about which one, if any, was right. */
function anyEqual(secrets: readonly string[], found: Buffer, expected: (secret: string) => Buffer): boolean {
  let equal = false;
  for (const secret of secrets) {
    const wanted = expected(secret);
    if (wanted.length === found.length && timingSafeEqual(wanted, found)) equal = true;
  }
  return equal;
}

function wantRecent(time: string, now: number): void {
  const seconds = /^\d{1,12}$/.test(time) ? Number(time) : Number.NaN;
  if (Math.abs(now / 1_000 - seconds) <= TOLERANCE_SECONDS) return;
  throw unproven(`a request signed within ${TOLERANCE_SECONDS} s of now`, 'one of another time');
}

/** What a plain caller may say for itself (IETF draft httpapi-idempotency-key-header). */
export function givenId(headers: Headers): string | undefined {
  // The draft has it in quotes, most senders have not.
  const id = headers.get('idempotency-key')?.replace(/^"(.*)"$/, '$1') ?? '';
  return id === '' ? undefined : idOf(id);
}

function idOf(text: string): string {
  if (/^[\x20-\x7e]{1,255}$/.test(text)) return text;
  throw new HttpFailure(
    new Failure('malformed', 'wanted an id of 1 to 255 printable characters for this delivery', { hint }),
  );
}

function missing(header: string): HttpFailure {
  return new HttpFailure(
    new Failure('malformed', `wanted ${header}, by which a repeat is told; found none`, { hint }),
  );
}

const hint = 'ipc help webhook add';

/** Says nothing of the secret or of what the signature should have been. */
function unproven(wanted: string, found: string): HttpFailure {
  return new HttpFailure(
    new Failure('credential_refused', `wanted ${wanted}, found ${found}`, {
      hint: 'ipc webhook rotate <name>',
    }),
  );
}
