/** A message's id, as it stands in a resource's address. */
import { Failure } from '../protocol/failures.ts';
import { MessageId } from '../protocol/model.ts';

export function parseMessageId(text: string): MessageId {
  const parsed = MessageId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Failure('no_such_message', `wanted the id of a message, found ${JSON.stringify(text)}`);
}
