/** Everything that must be unlike anything else: message ids, keys, readers, nonces. */

/** UUIDv7; ids made by one process grow. */
export function messageId(): string {
  return Bun.randomUUIDv7();
}

/** The same id for the same words, always: notices that must not double. A UUIDv8 of their SHA-256. */
export function derivedId(...words: readonly string[]): string {
  const hasher = new Bun.CryptoHasher('sha256');
  // Lengths go in too, so that ('ab', 'c') and ('a', 'bc') differ.
  for (const word of words) hasher.update(`${word.length}:${word}`);
  const hex = hasher.digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A file's name for words that no file may be called. */
export function fileNameFor(words: string): string {
  return new Bun.CryptoHasher('sha256').update(words).digest('hex').slice(0, 32);
}

/** The form in which a credential is kept. */
export function sha256(text: string): Uint8Array {
  return new Bun.CryptoHasher('sha256').update(text).digest();
}

export const systemIds = { message: messageId, derived: derivedId, hash: sha256 } as const;

/** 256 random bits in 43 characters of base64url: a credential. */
export function randomKey(): string {
  return randomText(32);
}

/** A name nobody else uses: a reader, a nonce, a file on its way. */
export function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');
}

export function randomUuid(): string {
  return crypto.randomUUID();
}

/** 256 random bits in plain base64, as Standard Webhooks write their secrets. */
export function randomSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
}
