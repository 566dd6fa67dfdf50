/**
 * `POST /`: any body and a token become a message, so that `curl -d "deploy finished"` is enough. To the
 * default agent, or to whom `?to=` says.
 */
import { Failure } from '../../protocol/failures.ts';
import type { StagedAttachment } from '../../protocol/model.ts';
import { derivedId, messageId } from '../../system/ids.ts';
import { unstage } from '../../system/staging.ts';
import { answer } from '../answer.ts';
import { openingOf } from '../api.ts';
import type { Context } from '../context.ts';
import { staged, textContent, type Content } from './content.ts';
import { decoded, mediaTypeOf } from './payload.ts';
import { HOOK_BODY_BYTES } from './receive.ts';
import { givenId } from './signature.ts';

export async function handlePlain(request: Request, context: Context): Promise<Response> {
  const token = context.authorize('send');
  const asked = context.url.searchParams.getAll('to').filter((name) => name !== '');
  const to = asked.length > 0 ? asked : [context.defaultTo()];
  const key = givenId(request.headers);
  const id = key === undefined ? messageId() : derivedId('http', 'send', token.agent.toLowerCase(), key);
  const bytes = await context.body(HOOK_BODY_BYTES);
  if (bytes.length === 0) throw empty();
  const content = await contentOf(request, context, bytes);
  try {
    await context.use(openingOf(token), (operations) =>
      operations.send({ ...content, id, to }, { signal: context.signal }),
    );
  } catch (error) {
    for (const blob of [content.bodyBlob, ...(content.attachments ?? [])])
      if (blob !== undefined) unstage(context.paths, blob);
    throw error;
  }
  return answer({ id, to }, 202);
}

/** `curl -d` says form and means text; only `-F` is a form in earnest. */
async function contentOf(request: Request, context: Context, bytes: Uint8Array): Promise<Content> {
  const type = mediaTypeOf(request.headers);
  if (type === 'multipart/form-data') return formContent(request, context, bytes);
  const text = type === 'application/octet-stream' ? undefined : decoded(bytes);
  if (text !== undefined && !text.includes('\0')) return textContent(context.paths, text);
  return withFiles(context, '', [new File([new Uint8Array(bytes)], 'body', { type })]);
}

async function formContent(request: Request, context: Context, bytes: Uint8Array): Promise<Content> {
  const headers = { 'content-type': request.headers.get('content-type') ?? '' };
  let fields;
  try {
    // oxlint-disable-next-line typescript/no-deprecated -- the body is in memory already, and bounded
    fields = [...(await new Response(new Uint8Array(bytes), { headers }).formData())];
  } catch (error) {
    throw new Failure('malformed', `wanted multipart/form-data: ${String(error)}`, {
      hint: 'ipc help serve',
      cause: error,
    });
  }
  const texts = fields.flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  const files = fields.flatMap(([, value]) => (typeof value === 'string' ? [] : [value]));
  const [only] = texts;
  const lines = texts.map(([name, value]) => `${name}: ${value}`).join('\n');
  const text = texts.length === 1 && only !== undefined ? only[1] : lines;
  if (text === '' && files.length === 0) throw empty();
  return withFiles(context, text.toWellFormed(), files);
}

async function withFiles({ paths }: Context, text: string, files: readonly File[]): Promise<Content> {
  const attachments: StagedAttachment[] = [];
  for (const file of files) {
    const name = file.name.toWellFormed().slice(0, 255) || 'file';
    const type = file.type === '' ? 'application/octet-stream' : file.type;
    attachments.push({
      ...(await staged(paths, await file.bytes())),
      type: type.slice(0, 255),
      name,
      role: 'file',
    });
  }
  const named = attachments.map(({ name }) => name).join(', ');
  const body = await textContent(paths, text === '' ? `attached: ${named}` : text);
  return attachments.length === 0 ? body : { ...body, attachments };
}

function empty(): Failure {
  return new Failure('invalid', 'wanted a body to send, found an empty one', { hint: 'curl -d <message> …' });
}
