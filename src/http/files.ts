/**
 * Bytes too many for JSON. `POST /v1/files` puts them where a send can take them up; `GET
 * /v1/files/<message>/<sha256>` reads what a message of the token's agent carries, ranges too.
 */
import { Failure } from '../protocol/failures.ts';
import { MessageId } from '../protocol/model.ts';
import { stageStream } from '../system/staging.ts';
import { missingFile } from '../system/files.ts';
import { answer } from './answer.ts';
import { openingOf } from './api.ts';
import type { Context } from './context.ts';

export const FILES = '/v1/files/';
/** As much as any body may be. */
export const FILE_BYTES = 25 * 1_048_576;

export async function handleUpload(_request: Request, context: Context): Promise<Response> {
  context.authorize('send');
  const bytes = await context.body();
  // Not sent within a day it is swept away (store).
  const staged = await stageStream(context.paths, once(bytes));
  return answer(staged, 201);
}

export async function handleDownload(_request: Request, context: Context): Promise<Response> {
  const token = context.authorize('read');
  const [message = '', sha256 = ''] = context.url.pathname.slice(FILES.length).split('/');
  const id = MessageId.safeParse(message);
  if (!id.success) throw noFile();
  // The past tells only what its agent sent or received: nobody reads by knowing a hash.
  const { messages } = await context.use(openingOf(token), (operations) =>
    operations.history({ id: id.data }),
  );
  const blobs = messages.flatMap(({ bodyBlob, attachments = [] }) => [
    ...(bodyBlob === undefined ? [] : [{ ...bodyBlob, name: 'body.txt' }]),
    ...attachments,
  ]);
  const blob = blobs.find((each) => each.sha256 === sha256);
  if (blob === undefined) throw noFile();
  if (blob.missing === true) throw missingFile(blob.path);
  return new Response(Bun.file(blob.path), {
    headers: {
      // Whatever it says it is, no browser is to run it.
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(blob.name)}`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      etag: `"${sha256}"`,
    },
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function noFile(): Failure {
  return new Failure('no_such_file', 'wanted the sha256 of something that this message carries', {
    hint: 'ipc history <id>',
  });
}
