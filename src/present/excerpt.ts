/** The first part of a text that fits a budget of bytes, and what a reader is told about the rest. */

/** Of one body at any door; the rest is asked for (design §6). Evidence that all was shown counts by it. */
export const SHOWN_BYTES = 8_192;

const utf8 = new TextEncoder();

export interface Excerpt {
  readonly text: string;
  /** UTF-8 bytes of the text that are not shown. */
  readonly missing: number;
}

/** Cut at the last line boundary when one is in the second half, else between two characters. */
export function excerpt(text: string, bytes: number): Excerpt {
  // A UTF-16 unit is at most three bytes: short texts need not be encoded to know that they fit.
  if (text.length * 3 <= bytes) return { text, missing: 0 };
  const encoded = utf8.encode(text);
  if (encoded.length <= bytes) return { text, missing: 0 };
  const end = cut(encoded, bytes);
  return { text: new TextDecoder().decode(encoded.subarray(0, end)), missing: encoded.length - end };
}

/** The same for bytes that are known to be UTF-8, of which only the beginning may be at hand. */
export function cut(encoded: Uint8Array, bytes: number): number {
  if (encoded.length <= bytes) return encoded.length;
  const newline = encoded.lastIndexOf(0x0a, bytes - 1);
  if (newline >= bytes / 2) return newline + 1;
  let end = bytes;
  // 10xxxxxx continues a character: step back to where one begins.
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}

const sizes = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** "532 B", "1.4 kB", "100 MB" (powers of 1,000). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && step < sizes.length - 1) {
    value /= 1_000;
    step += 1;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${sizes[step] ?? 'B'}`;
}
