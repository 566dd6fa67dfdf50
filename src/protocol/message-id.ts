/** Telling a message's id from other words. Plain code without zod, for the cold path of the CLI. */
import { Failure, type FailureCode } from './failures.ts';
import type { MessageId } from './model.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export function isMessageId(text: string): text is MessageId {
  return ID.test(text);
}

/** In the form in which two ids are the same. Throws `invalid`, or what else says that there is none. */
export function messageIdOf(text: string, code: FailureCode = 'invalid'): MessageId {
  const id = text.toLowerCase();
  if (isMessageId(id)) return id;
  throw new Failure(code, `wanted the id of a message, found ${JSON.stringify(text)}`, {
    hint: 'ipc history',
  });
}
