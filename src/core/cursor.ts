/** Cursors as callers hold them: text from an earlier answer, to be given back as it was. */
import { Failure } from '../protocol/failures.ts';
import type { Cursor } from './records/reading.ts';

export function cursorOf(text: string): Cursor {
  const cursor = Number(text);
  if (!Number.isSafeInteger(cursor) || cursor < 0)
    throw new Failure('invalid', `wanted a cursor from an earlier answer, found ${JSON.stringify(text)}`);
  return cursor;
}
