/**
 * From a proven post to what the message carries: a summary to read, and the whole payload, as data when
 * it is small, as an attached file when it is not. Nothing of it is changed on the way.
 */
import { cut } from '../../present/excerpt.ts';
import { numberThatChanges } from '../../protocol/json-numbers.ts';
import {
  INLINE_BODY_BYTES,
  type Json,
  type StagedAttachment,
  type StagedBlob,
} from '../../protocol/model.ts';
import type { Paths } from '../../system/paths.ts';
import { stageStream } from '../../system/staging.ts';
import type { Webhook } from '../../system/webhooks.ts';
import { cloudEventSummary, type CloudEvent } from './cloud-event.ts';
import { at, oneLine, textAt } from './fields.ts';
import { githubSummary } from './github.ts';
import { isForm, type Payload } from './payload.ts';
import { fill } from './template.ts';

export interface Content {
  readonly body: string;
  readonly bodyBlob?: StagedBlob;
  readonly data?: Json;
  readonly attachments?: StagedAttachment[];
}

export interface Post {
  readonly webhook: Webhook;
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly payload: Payload;
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly cloud: CloudEvent | undefined;
}

/** Longest payload that goes along as data; a longer one is a file, which is read only by who wants it. */
export const DATA_BYTES = 65_536;
/** Frames of the wire nest no deeper than 64, of which the call itself takes three. */
const DATA_DEPTH = 60;
/** What stands inline of a text that goes by reference. */
const FIRST_BYTES = 1_024;
const LISTED_FIELDS = 12;

export async function contentOf(paths: Paths, post: Post): Promise<Content> {
  const { payload, bytes, type } = post;
  const summary = summaryOf(post);
  if (
    payload.kind === 'json' &&
    bytes.length <= DATA_BYTES &&
    numberThatChanges(payload.text) === undefined &&
    isShallow(payload.json, DATA_DEPTH)
  )
    return { ...(await textContent(paths, summary ?? '')), data: payload.json };
  if (payload.kind === 'text' && summary === undefined) return textContent(paths, payload.text);
  const name = fileNameOf(payload);
  // A form of GitHub's is a wrapping for JSON; anything else goes along byte for byte.
  const whole = payload.kind === 'json' && isForm(type) ? Buffer.from(payload.text) : bytes;
  const file = {
    ...(await staged(paths, whole)),
    ...(type === '' ? {} : { type }),
    name,
    role: 'file' as const,
  };
  return { ...(await textContent(paths, summary ?? `attached: ${name}`)), attachments: [file] };
}

/** A text as body: inline, or by reference with its first lines when it is too long for that. */
export async function textContent(paths: Paths, text: string): Promise<Content> {
  if (text.length * 3 <= INLINE_BODY_BYTES) return { body: text };
  const bytes = Buffer.from(text);
  if (bytes.length <= INLINE_BODY_BYTES) return { body: text };
  const body = bytes.subarray(0, cut(bytes, FIRST_BYTES)).toString();
  return { body, bodyBlob: { ...(await staged(paths, bytes)), type: 'text/plain; charset=utf-8' } };
}

export function staged(paths: Paths, bytes: Uint8Array): Promise<StagedBlob> {
  return stageStream(paths, one(bytes));
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Undefined: the payload speaks for itself. */
function summaryOf({ webhook, payload, id, event, cloud }: Post): string | undefined {
  const json = payload.kind === 'json' ? payload.json : undefined;
  if (webhook.template !== undefined) {
    const text = payload.kind === 'bytes' ? '' : payload.text;
    return fill(webhook.template, json, { event, id, text });
  }
  if (webhook.verify.scheme === 'github' && json !== undefined)
    return githubSummary(event ?? 'unknown', json);
  if (cloud !== undefined)
    return [cloudEventSummary(cloud), json === undefined ? '' : fieldsOf(at(json, 'data') ?? json)]
      .join('\n')
      .trim();
  if (json === undefined) return undefined;
  if (event !== undefined)
    return [`event ${oneLine(event)}`, fieldsOf(at(json, 'data') ?? json)].join('\n').trim();
  return said(json) ?? fieldsOf(json);
}

/** Services that post for chats put what is to be read under one of these. */
function said(json: Json): string | undefined {
  const text = textAt(json, 'text') ?? textAt(json, 'message') ?? textAt(json, 'content');
  return text?.toWellFormed();
}

/** Its plain values, one a line. */
function fieldsOf(json: Json): string {
  if (typeof json !== 'object' || json === null) return oneLine(String(json));
  const plain = Object.keys(json).flatMap((name) => {
    const value = textAt((json as Readonly<Record<string, Json>>)[name]);
    return value === undefined ? [] : [`${oneLine(name, 60)}: ${oneLine(value)}`];
  });
  const lines = plain.slice(0, LISTED_FIELDS);
  if (plain.length > LISTED_FIELDS) lines.push('…');
  return lines.length === 0 ? oneLine(JSON.stringify(json)) : lines.join('\n');
}

function fileNameOf(payload: Payload): string {
  switch (payload.kind) {
    case 'json':
      return /^\s*[[{]/.test(payload.text) ? 'payload.json' : 'payload.txt';
    case 'text':
      return 'payload.txt';
    case 'bytes':
      return 'payload.bin';
  }
}

function isShallow(json: Json, depth: number): boolean {
  if (typeof json !== 'object' || json === null) return true;
  return depth > 0 && Object.values(json).every((inner: Json) => isShallow(inner, depth - 1));
}
