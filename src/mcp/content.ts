/** What a message carries, from what a model wrote: text, data, files below its folders, a command's output. */
import { Failure } from '../protocol/failures.ts';
import type { StagedAttachment } from '../protocol/model.ts';
import { forwardText, lastOfOthers } from '../present/forward.ts';
import type { Input } from '../protocol/operations.ts';
import { messageIdOf } from '../protocol/message-id.ts';
import type { Turn } from './tool.ts';

type Content = Pick<Input<'send'>, 'body' | 'bodyBlob' | 'attachments' | 'data' | 'forwardOf'>;

export interface Written {
  readonly text?: string | undefined;
  readonly data?: unknown;
  readonly files?: readonly string[] | undefined;
  readonly run?: string | undefined;
  readonly forward?: string | undefined;
}

export async function contentOf(written: Written, turn: Turn): Promise<Content> {
  const { text = '', files = [], run, data, forward } = written;
  if (text === '' && files.length === 0 && ![run, data, forward].some((part) => part !== undefined))
    throw new Failure('invalid', 'wanted text, data or files; found nothing to send');
  if (!text.isWellFormed())
    throw new Failure('invalid_data', 'wanted Unicode, found half of a surrogate pair');
  if (run !== undefined && data !== undefined)
    throw new Failure('invalid', 'wanted run or data, found both: run fills the data itself');
  const passed = forward === undefined ? undefined : await passedOn(forward, turn);
  const attachments = await attach(files, turn);
  const ran = run === undefined ? undefined : await ranHere(run, turn);
  attachments.push(...(ran?.attachments ?? []));
  const parts = [text, ran?.text ?? '', passed === undefined ? '' : forwardText(passed)].filter(
    (part) => part !== '',
  );
  const named = attachments.map(({ name }) => name).join(', ');
  const body = parts.length === 0 && named !== '' ? `attached: ${named}` : parts.join('\n\n');
  const carried = ran?.data ?? (data as Content['data']);
  return {
    ...(await turn.serving.staging.text(body)),
    ...(carried === undefined ? {} : { data: carried }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(passed === undefined ? {} : { forwardOf: passed.id }),
  };
}

async function passedOn(which: string, turn: Turn) {
  const filter = which === 'last' ? { limit: 50 } : { id: messageIdOf(which, 'no_such_message') };
  const { messages } = await turn.operations.history(filter, turn);
  const message = which === 'last' ? lastOfOthers(messages) : messages[0];
  if (message !== undefined) return message;
  throw new Failure(
    'no_such_message',
    `wanted a message to forward; there is none for ${JSON.stringify(which)}`,
  );
}

async function attach(files: readonly string[], { serving, signal }: Turn): Promise<StagedAttachment[]> {
  // All are looked at before the first is copied: a refusal leaves nothing behind.
  const found = await Promise.all(files.map((file) => serving.places.file(file)));
  const attached: StagedAttachment[] = [];
  for (const { path, name } of found) attached.push({ ...(await serving.staging.file(path, signal)), name });
  return attached;
}

async function ranHere(line: string, { serving, signal, patiently }: Turn) {
  if (!serving.allowRun)
    throw new Failure('not_allowed', 'wanted to run a command; this server was started without --allow-run', {
      hint: 'run it with your own shell tool and send what it printed',
    });
  if (line.trim() === '') throw new Failure('invalid', 'wanted a command as run, found nothing');
  const running = serving.staging.run(line, { directory: serving.directory, signal });
  return await patiently(running, { text: 'the command runs' });
}
