/** Ranges of large bodies and attachments: bytes of a file of the home, or of a body kept inline. */
import { visible } from '../present/escape.ts';
import { escaped } from '../present/model.ts';
import type { Output } from '../protocol/operations.ts';
import { missingFile } from '../system/files.ts';
import { Failure } from '../protocol/failures.ts';

type Past = Output<'history'>['messages'][number];

interface Range {
  readonly from: number;
  readonly bytes: number;
}

interface Part {
  readonly [key: string]: unknown;
  readonly uri: string;
  readonly mimeType: string;
  readonly text: string;
}
interface BinaryPart {
  readonly [key: string]: unknown;
  readonly uri: string;
  readonly mimeType: string;
  readonly blob: string;
}

const USUAL_BYTES = 65_536;
const MOST_BYTES = 1_048_576;

/** Undefined: the query asks for no range. Throws `invalid`. */
export function rangeOf(query: URLSearchParams): Range | undefined {
  const from = numberOf(query, 'from');
  const bytes = numberOf(query, 'bytes');
  if (from === undefined && bytes === undefined) return undefined;
  return { from: from ?? 0, bytes: Math.min(bytes ?? USUAL_BYTES, MOST_BYTES) };
}

function numberOf(query: URLSearchParams, field: string): number | undefined {
  const text = query.get(field);
  if (text === null || text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure('invalid', `wanted a number of bytes as ${field}, found ${JSON.stringify(text)}`);
}

export async function bodyPart(
  { body, bodyBlob }: Past,
  { uri, range }: { uri: string; range: Range },
): Promise<Part | BinaryPart> {
  if (bodyBlob?.missing === true) throw missingFile(bodyBlob.path);
  const source = bodyBlob === undefined ? new Blob([body]) : Bun.file(bodyBlob.path);
  const found = await part(source, { uri, range, type: 'text/plain' });
  // `_meta` counts the bytes as they were sent.
  return typeof found.text === 'string' ? { ...found, text: escaped(visible(found.text)) } : found;
}

export async function attachmentPart(
  { attachments = [] }: Past,
  { uri, number, range }: { uri: string; number: number; range: Range | undefined },
): Promise<Part | BinaryPart> {
  const file = attachments[number - 1];
  if (file === undefined)
    throw new Failure('no_such_file', `wanted attachment ${number}; the message has ${attachments.length}`);
  if (file.missing === true) throw missingFile(file.path);
  const whole = { from: 0, bytes: USUAL_BYTES };
  return part(Bun.file(file.path), {
    uri,
    range: range ?? whole,
    type: file.type ?? 'application/octet-stream',
    path: file.path,
  });
}

/** Text where it is text, else base64; `_meta` says which bytes these are, and of how many. */
async function part(
  source: Blob,
  { uri, range, type, path }: { uri: string; range: Range; type: string; path?: string },
): Promise<Part | BinaryPart> {
  const { from, bytes } = range;
  const found = new Uint8Array(await source.slice(from, from + bytes).arrayBuffer());
  const text = textOf(found);
  const facts = { uri, mimeType: type };
  const length = text === undefined ? found.length : text.length;
  const begin = text === undefined ? from : from + text.skipped;
  const _meta = { from: begin, bytes: length, size: source.size, ...(path === undefined ? {} : { path }) };
  if (text === undefined) return { ...facts, blob: Buffer.from(found).toString('base64'), _meta };
  return { ...facts, text: text.text, _meta };
}

/** Undefined: not UTF-8. A character that the range cuts at either end belongs to the part beside it. */
function textOf(bytes: Uint8Array): { text: string; skipped: number; length: number } | undefined {
  let begin = 0;
  while (begin < 3 && begin < bytes.length && isInside(bytes[begin])) begin += 1;
  for (let cut = 0; cut <= 3 && cut <= bytes.length - begin; cut += 1) {
    const kept = bytes.subarray(begin, bytes.length - cut);
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(kept);
      return { text, skipped: begin, length: kept.length };
    } catch {
      // One byte less may end between two characters.
    }
  }
  return undefined;
}

function isInside(byte: number | undefined): boolean {
  return ((byte ?? 0) & 0xc0) === 0x80;
}
