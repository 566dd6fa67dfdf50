/** The body of a post as what it is: JSON, text or other bytes; told by its media type. */
import { Failure } from '../../protocol/failures.ts';
import type { Json } from '../../protocol/model.ts';
import type { Scheme } from '../../system/webhooks.ts';
import { HttpFailure } from '../problem.ts';
import { isBatch } from './cloud-event.ts';

export type Payload =
  | { readonly kind: 'json'; readonly json: Json; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes' };

const JSON_TYPE = /^(?:application\/(?:[\w.+-]+\+)?json|text\/json)$/;
const FORM = 'application/x-www-form-urlencoded';

export function isForm(type: string): boolean {
  return type === FORM;
}

/** `application/json` of `application/json; charset=utf-8`. */
export function mediaTypeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Throws 415 for what the scheme's senders never send, before the body is looked at. */
export function wantKnownType(headers: Headers, scheme: Scheme): void {
  const type = mediaTypeOf(headers);
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') throw wrongType('a body that is not compressed', encoding);
  if (isBatch(type)) throw wrongType('one event in each request', type);
  if (scheme === 'github' && type !== 'application/json' && type !== FORM)
    throw wrongType(`application/json or ${FORM}`, type);
  if (scheme === 'standard' && !JSON_TYPE.test(type)) throw wrongType('application/json', type);
}

/** Throws `malformed` for a body that is not what it is said to be. */
export function payloadOf(bytes: Uint8Array, type: string, scheme: Scheme): Payload {
  const isJson = JSON_TYPE.test(type);
  const text = decoded(bytes);
  if (text === undefined) {
    if (isJson || type === FORM) throw malformed(`UTF-8 as ${type}`, 'other bytes');
    return { kind: 'bytes' };
  }
  if (isJson) return json(text);
  if (type === FORM) return scheme === 'github' ? githubForm(text) : form(text);
  if (type === 'application/octet-stream' || text.includes('\0')) return { kind: 'bytes' };
  return { kind: 'text', text };
}

export function json(text: string): Payload & { kind: 'json' } {
  try {
    return { kind: 'json', json: JSON.parse(text) as Json, text };
  } catch (error) {
    throw malformed('JSON', error instanceof Error ? withoutQuotes(error.message) : 'something else', error);
  }
}

/** Of a body not a word is logged: the parser quotes what it stumbles over. */
function withoutQuotes(message: string): string {
  return message.replace(/\s*["'`][^]*$/, '').slice(0, 200);
}

function githubForm(text: string): Payload {
  const payload = new URLSearchParams(text).get('payload');
  if (payload === null) throw malformed('a form with the field payload', 'none');
  return json(payload);
}

function form(text: string): Payload {
  const fields = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : [before, value].flat());
  }
  return { kind: 'json', json: Object.fromEntries(fields), text };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** Undefined: it is not UTF-8. */
export function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function wrongType(wanted: string, found: string): HttpFailure {
  const failure = new Failure(
    'invalid',
    `wanted ${wanted}, found ${found === '' ? 'no type' : JSON.stringify(found.slice(0, 100))}`,
    {
      hint: 'ipc help webhook add',
    },
  );
  return new HttpFailure(failure, { status: 415 });
}

function malformed(wanted: string, found: string, cause?: unknown): HttpFailure {
  return new HttpFailure(
    new Failure('malformed', `wanted ${wanted}, found ${found}`, { hint: 'ipc help webhook add', cause }),
  );
}
