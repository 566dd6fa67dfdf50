/** Telling a message's id from other words, without loading zod. */
import { Failure } from '../protocol/failures.ts';
import type { MessageId } from '../protocol/model.ts';

export function isMessageId(text: string): text is MessageId {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(text);
}

/** Throws `invalid`. */
export function messageIdOf(text: string): MessageId {
  if (isMessageId(text)) return text;
  throw new Failure('invalid', `wanted the id of a message, found ${JSON.stringify(text)}`, {
    hint: 'ipc history',
  });
}
