/** Which message `--forward` means. */
import { forwardText, lastOfOthers } from '../present/forward.ts';
import { Failure } from '../protocol/failures.ts';
import type { MessageId } from '../protocol/model.ts';
import { messageIdOf } from '../protocol/message-id.ts';
import type { Session } from './session.ts';

export interface Forwarded {
  readonly id: MessageId;
  readonly text: string;
}

/** `last` is the newest message that somebody else sent me. Throws `no_such_message`. */
export async function forwarded(session: Session, id: string): Promise<Forwarded> {
  const message = id === 'last' ? await newest(session) : await messageOf(session, id);
  return { id: message.id, text: forwardText(message) };
}

async function messageOf(session: Session, id: string) {
  const { messages } = await session.operations.history({ id: messageIdOf(id) });
  const [message] = messages;
  if (message === undefined)
    throw new Failure('no_such_message', `no message ${id} among those you sent or were sent`);
  return message;
}

async function newest(session: Session) {
  const { messages } = await session.operations.history({ limit: 50 });
  const message = lastOfOthers(messages);
  if (message === undefined)
    throw new Failure('no_such_message', 'wanted a message to forward; nobody sent you one yet');
  return message;
}
