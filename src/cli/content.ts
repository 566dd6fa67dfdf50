/**
 * What a message carries, from what was written on the command line: words, stdin, files, a command's
 * output, another message. Files and commands are opened and run here, with this process's rights,
 * never by the daemon (design §5). A plain text loads none of it.
 */
import { Failure } from '../protocol/failures.ts';
import type { StagedAttachment, StagedBlob } from '../protocol/model.ts';
import type { Input } from '../protocol/operations.ts';
import { cut } from '../present/excerpt.ts';
import { readIfThere } from '../system/files.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';
import { INLINE_BYTES, readStdin, whole } from './stdin.ts';
import { jsonOf } from './values.ts';
import type { Flag } from './verb.ts';

export type Content = Pick<Input<'send'>, 'body' | 'bodyBlob' | 'attachments' | 'data' | 'forwardOf'>;

type TextContent = Pick<Content, 'body' | 'bodyBlob'>;

/** What stands inline of a body that goes by reference. */
const FIRST_BYTES = 1_024;
const utf8 = new TextEncoder();

/** Flags of every verb that sends, beside those of its operation. */
export const contentFlags: readonly Flag[] = [
  {
    name: 'file',
    field: 'file',
    kind: 'file',
    hint: 'path',
    repeat: true,
    short: 'f',
    help: 'attach a file of any size; may be repeated',
  },
  {
    name: 'run',
    field: 'run',
    kind: 'text',
    hint: 'command',
    help: 'run a command here and send its output',
  },
  { name: 'shell', field: 'shell', kind: 'switch', help: 'let a shell read the command of --run' },
  { name: 'data', field: 'data', kind: 'text', hint: 'json|@file', help: 'structured payload (JSON)' },
];

/** `words` are the text; a lone `-` before `--` is stdin. Throws `invalid` when there is nothing to send. */
export async function contentOf(call: Call, session: Session, words: readonly string[]): Promise<Content> {
  const { values } = call;
  const dash = isDash(call, words);
  const said: Content = dash ? await fromStdin(call, session) : await textContent(words.join(' '), session);
  const extra = hasExtras(call) ? await (await import('./extras.ts')).extrasOf(call, session) : undefined;
  const texts = [said.body, ...(extra?.texts ?? [])].filter((text) => text !== '');
  if (said.bodyBlob !== undefined && texts.length > 1)
    throw new Failure('invalid', 'wanted a short text beside --run or --forward, found one over 64 KiB');

  const attachments = [...(said.attachments ?? []), ...(extra?.attachments ?? [])];
  const content: Content =
    texts.length > 1 || said.body === '' ? await textContent(texts.join('\n\n'), session) : said;
  const data = dataOf(values.text('data')) ?? extra?.data;
  const empty = content.body === '' && !dash && words.length === 0;
  if (empty && attachments.length === 0 && data === undefined) throw nothingToSend(call);
  const named = attachments.map(({ name }) => name).join(', ');
  return {
    body: content.body === '' && named !== '' ? `attached: ${named}` : content.body,
    ...(content.bodyBlob === undefined ? {} : { bodyBlob: content.bodyBlob }),
    ...(data === undefined ? {} : { data: data as NonNullable<Content['data']> }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(extra?.forwardOf === undefined ? {} : { forwardOf: extra.forwardOf }),
  };
}

/** A text as body: inline, or by reference with its first lines when it is too long for that. */
export async function textContent(text: string, session: Pick<Session, 'paths'>): Promise<TextContent> {
  if (!text.isWellFormed())
    throw new Failure('invalid_data', 'wanted Unicode, found half of a surrogate pair');
  if (text.length * 3 <= INLINE_BYTES) return { body: text };
  const bytes = utf8.encode(text);
  if (bytes.length <= INLINE_BYTES) return { body: text };
  const { stageStream } = await import('../system/staging.ts');
  return byReference(bytes, await stageStream(session.paths, whole([bytes])));
}

async function fromStdin(call: Call, session: Session): Promise<Content> {
  const piped = await readStdin(call.spec.name);
  if ('text' in piped) return { body: piped.text };
  const { stageStream } = await import('../system/staging.ts');
  const staged = await stageStream(session.paths, piped.bytes);
  if (piped.isText()) return byReference(piped.head, staged);
  const attachment: StagedAttachment = {
    ...staged,
    type: 'application/octet-stream',
    name: 'stdin',
    role: 'file',
  };
  return { body: '', attachments: [attachment] };
}

function byReference(head: Uint8Array, staged: StagedBlob): TextContent {
  const first = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    head.subarray(0, cut(head, FIRST_BYTES)),
  );
  return { body: first, bodyBlob: { ...staged, type: 'text/plain; charset=utf-8' } };
}

function isDash({ plain, words: all }: Call, words: readonly string[]): boolean {
  return words.length === 1 && words[0] === '-' && plain === all.length;
}

function hasExtras({ values }: Call): boolean {
  return (
    values.texts('file').length > 0 || values.text('run') !== undefined || forwardOf(values) !== undefined
  );
}

/** Only `send` forwards. */
export function forwardOf(values: Call['values']): string | undefined {
  return values.declares('forward') ? values.text('forward') : undefined;
}

function dataOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (!text.startsWith('@')) return jsonOf(text, '--data');
  const path = text.slice(1);
  const found = readIfThere(path);
  if (found === undefined)
    throw new Failure('no_such_file', `wanted to read ${path}; there is none`, { hint: `ls -l ${path}` });
  return jsonOf(found, path);
}

function nothingToSend({ spec }: Call): Failure {
  return new Failure(
    'invalid',
    `wanted a text, - for stdin, --file or --run; found nothing to ${spec.name}`,
    {
      hint: `ipc help ${spec.name}`,
    },
  );
}
