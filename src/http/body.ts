/** The body of a request as bytes, once: of a known type, bounded in size, and in bounded time. */
import { Failure } from '../protocol/failures.ts';
import { numberThatChanges } from '../protocol/json-numbers.ts';
import type { Json } from '../protocol/model.ts';
import type { Share } from './budget.ts';
import { HttpFailure } from './problem.ts';

/** Bodies of no more are read in one go, and not counted. */
const SMALL_BYTES = 65_536;

/** Throws 413, also when the length was not said or was a lie, and 503 when others fill the memory. */
export async function readBody(request: Request, limit: number, share: Share): Promise<Uint8Array> {
  const said = request.headers.get('content-length');
  if (said !== null && Number(said) > limit) throw tooLarge(limit, `${said} bytes`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Of a length that was said the server takes no more than that: the quick way is safe.
    if (request.body === null || (said !== null && Number(said) <= SMALL_BYTES)) return await request.bytes();
    const stream: AsyncIterable<Uint8Array> = request.body;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit, 'more');
      share.take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpFailure) throw error;
    throw new HttpFailure(
      new Failure('malformed', 'wanted the whole body; the connection ended or was too slow before it came', {
        cause: error,
      }),
      { status: 408 },
    );
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/**
 * Throws 415 unless the body is said to be of this type. `application/json` cannot be sent by another
 * site's page without being asked first, which is then refused: so it is asked for, not guessed.
 */
export function wantType(request: Request, wanted: readonly string[]): void {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (wanted.includes(type)) return;
  throw new HttpFailure(
    new Failure(
      'invalid',
      `wanted Content-Type ${wanted.join(' or ')}, found ${type === '' ? 'none' : JSON.stringify(type)}`,
      { hint: "curl -H 'Content-Type: application/json' …" },
    ),
    { status: 415 },
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws `malformed`. */
export function jsonOf(bytes: Uint8Array): Json {
  let text: string;
  let value: Json;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new Failure('malformed', `wanted JSON in UTF-8 as the body: ${String(error)}`, {
      hint: 'ipc help serve',
      cause: error,
    });
  }
  const changed = numberThatChanges(text);
  if (changed === undefined) return value;
  throw new Failure('invalid_data', 'wanted numbers that a double holds, found one that would change', {
    hint: 'write it as a string, or attach the JSON as a file',
    details: { digits: changed.length },
  });
}

function tooLarge(limit: number, found: string): HttpFailure {
  return new HttpFailure(new Failure('too_large', `wanted a body of at most ${limit} bytes, found ${found}`));
}
