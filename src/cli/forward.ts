/** Another message, passed on below the body: its words, its sender, its files, unchanged. */
import { Failure } from '../protocol/failures.ts';
import type { MessageId, StagedAttachment } from '../protocol/model.ts';
import { stageFile } from '../system/staging.ts';
import { messageIdOf } from './message-id.ts';
import type { Session } from './session.ts';

export interface Forwarded {
  readonly id: MessageId;
  readonly text: string;
  readonly attachments: readonly StagedAttachment[];
  readonly data?: unknown;
}

/** `last` is the newest message that somebody else sent me. Throws `no_such_message`. */
export async function forwarded(session: Session, id: string): Promise<Forwarded> {
  const message = id === 'last' ? await lastOfOthers(session) : await messageOf(session, id);
  const { from } = message;
  const head = `forwarded: ${message.id} from ${from.name} (${from.kind}) to ${message.to.join(', ')}, ${message.sentAt}`;
  const files: { readonly path: string; readonly name: string; readonly type?: string | undefined }[] = [
    ...(message.attachments ?? []),
  ];
  // Its first lines stand in the text; the whole goes along as the file it already is.
  if (message.bodyBlob !== undefined) files.unshift({ ...message.bodyBlob, name: `${message.id}.txt` });
  const attachments: StagedAttachment[] = [];
  for (const { path, name, type } of files) {
    const staged = await stageFile(session.paths, path);
    attachments.push({ ...staged, ...(type === undefined ? {} : { type }), name, role: 'file' });
  }
  return {
    id: message.id,
    text: `${head}\n\n${message.body}`,
    attachments,
    ...(message.data === undefined ? {} : { data: message.data }),
  };
}

async function messageOf(session: Session, id: string) {
  const { messages } = await session.operations.history({ id: messageIdOf(id) });
  const [message] = messages;
  if (message === undefined)
    throw new Failure('no_such_message', `no message ${id} among those you sent or were sent`);
  return message;
}

async function lastOfOthers(session: Session) {
  const { messages } = await session.operations.history({ limit: 50 });
  const message = messages.findLast(({ mine, from }) => !mine && from.kind !== 'system');
  if (message === undefined)
    throw new Failure('no_such_message', 'wanted a message to forward; nobody sent you one yet');
  return message;
}
