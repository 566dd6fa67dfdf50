/**
 * Resources: the mailbox, one message, who is here, a thread, as text to look at. Reading one never
 * marks a message as read: only `check` hands over.
 */
import {
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js';
import { visible, visibleLine } from '../present/escape.ts';
import { SHOWN_BYTES } from '../present/excerpt.ts';
import { escaped, forModel, pastForModel } from '../present/model.ts';
import { whoText, withTools } from '../present/people.ts';
import { plain } from '../present/style.ts';
import { asFailure, Failure } from '../protocol/failures.ts';
import { attachmentPart, bodyPart, rangeOf } from './message-parts.ts';
import { messageIdOf } from '../protocol/message-id.ts';
import type { Arrival } from './arrivals.ts';
import type { Holder, Serving } from './parts.ts';

const TEXT = 'text/plain';
const RESOURCE_NOT_FOUND = -32002;
const THREAD_MESSAGES = 50;
/** As many as system 002 showed; each short, because a person puts all of them into a prompt (R7). */
const LATEST_MESSAGES = 10;
const EXECUTION_BYTES = 65_536;
const LATEST_BYTES = 2_048;
/** So many unread messages are listed by themselves. */
const LISTED = 20;
const FIRST_WORDS = 60;
/** Bursts of arrivals are told as one change of the list. */
const LIST_CHANGED_MS = 250;

const fixed = [
  { uri: 'ipc://inbox', name: 'inbox', title: 'Unread messages', mimeType: TEXT },
  { uri: 'ipc://messages/latest', name: 'latest', title: 'The last messages, both ways', mimeType: TEXT },
  { uri: 'ipc://agents', name: 'agents', title: 'Who is here', mimeType: TEXT },
];

const templates = [
  {
    uriTemplate: 'ipc://message/{id}{?from,bytes}',
    name: 'message',
    title: 'One message; with from and bytes a part of its text',
    mimeType: TEXT,
  },
  {
    uriTemplate: 'ipc://message/{id}/attachment/{number}{?from,bytes}',
    name: 'attachment',
    title: 'A file of a message, counted from 1',
  },
  { uriTemplate: 'ipc://thread/{id}', name: 'thread', title: 'Everything in one thread', mimeType: TEXT },
];

const executions = {
  uriTemplate: 'ipc://execution/{id}{?from,bytes}',
  name: 'execution',
  title: 'All that a cell of a kernel has shown, in parts',
  mimeType: TEXT,
};

export function serveResources(serving: Serving): void {
  const { server, clock } = serving;
  const subscribed = new Set<string>();

  server.setRequestHandler(ListResourcesRequestSchema, async () => ({
    resources: [...fixed, ...(await unread(await serving.holder()))],
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: serving.kernels === undefined ? templates : [...templates, executions],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }, extra) =>
    plainly(() => read(serving, params.uri, extra.signal)),
  );
  server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
    // What cannot be read cannot change either.
    await plainly(async () => wishOf(params.uri));
    subscribed.add(params.uri);
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });

  let changing = false;
  const listChanged = (): void => {
    if (changing) return;
    changing = true;
    clock.after(LIST_CHANGED_MS, () => {
      changing = false;
      if (!serving.signal.aborted) void server.sendResourceListChanged().catch(() => undefined);
    });
  };
  serving.onArrival((message: Arrival) => {
    listChanged();
    for (const uri of ['ipc://inbox', 'ipc://messages/latest', `ipc://thread/${message.thread}`])
      if (subscribed.has(uri)) void server.sendResourceUpdated({ uri }).catch(() => undefined);
  });
}

type Wish =
  | { readonly kind: 'inbox' | 'latest' | 'agents' }
  | { readonly kind: 'thread'; readonly id: string }
  | { readonly kind: 'execution'; readonly id: string; readonly query: URLSearchParams }
  | { readonly kind: 'message'; readonly id: string; readonly query: URLSearchParams }
  | {
      readonly kind: 'attachment';
      readonly id: string;
      readonly number: number;
      readonly query: URLSearchParams;
    };

function wishOf(uri: string): Wish {
  const url = URL.parse(uri);
  const place = url?.protocol === 'ipc:' ? `${url.host}${url.pathname}` : '';
  if (place === 'inbox' || place === 'agents') return { kind: place };
  if (place === 'messages/latest') return { kind: 'latest' };
  const [kind, id = '', part, number = ''] = place.split('/').map(decoded);
  const query = url?.searchParams ?? new URLSearchParams();
  if (kind === 'thread' && id !== '' && part === undefined) return { kind, id };
  if (kind === 'execution' && id !== '' && part === undefined) return { kind, id, query };
  if (kind === 'message' && id !== '' && part === undefined) return { kind, id, query };
  if (kind === 'message' && part === 'attachment' && /^[1-9]\d?$/.test(number))
    return { kind: 'attachment', id, number: Number(number), query };
  throw new Failure(
    'no_such_message',
    `no resource ${uri}; resources/list and resources/templates/list name them`,
  );
}

/** What no decoding gives stays as it is: nothing is called that. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function read(serving: Serving, uri: string, signal: AbortSignal): Promise<ReadResourceResult> {
  const wish = wishOf(uri);
  const holder = await serving.holder();
  const { operations } = holder;
  const now = serving.clock.now();
  const whole = (id: string): string => `ipc://message/${id}{?from,bytes}`;
  const text = (content: string): ReadResourceResult => ({
    contents: [{ uri, mimeType: TEXT, text: escaped(content) }],
  });
  switch (wish.kind) {
    case 'inbox': {
      const page = await peek(holder, { limit: 100 });
      const shown = forModel(page.messages, { now, bodyBytes: SHOWN_BYTES, whole });
      const rest = page.remaining > 0 ? `\n${page.remaining} more.\n` : '';
      return text(page.messages.length === 0 ? 'Nothing unread.\n' : shown + rest);
    }
    case 'latest': {
      const { messages } = await operations.history({ limit: LATEST_MESSAGES }, { signal });
      const shown = pastForModel(messages, { now, bodyBytes: LATEST_BYTES, whole });
      return text(messages.length === 0 ? 'No message yet.\n' : shown);
    }
    case 'agents':
      return text(
        whoText(
          await operations.who({}, { signal }),
          { style: plain, now, offset: serving.offset },
          withTools,
        ),
      );
    case 'thread': {
      const { messages } = await operations.history({ thread: wish.id, limit: THREAD_MESSAGES }, { signal });
      if (messages.length === 0)
        throw new Failure('no_such_message', `no thread ${wish.id} among your messages`);
      return text(pastForModel(messages, { now, bodyBytes: SHOWN_BYTES, whole }));
    }
    case 'execution': {
      const { from, bytes } = rangeOf(wish.query) ?? { from: 0, bytes: EXECUTION_BYTES };
      const asked = { id: wish.id, from, bytes: Math.min(bytes, EXECUTION_BYTES) };
      const found = await operations['kernel.result'](asked, { signal });
      return text(visible(found.part ?? ''));
    }
    case 'message':
    case 'attachment': {
      const { messages } = await operations.history(
        { id: messageIdOf(wish.id, 'no_such_message') },
        { signal },
      );
      const [message] = messages;
      if (message === undefined) throw new Failure('no_such_message', `no message ${wish.id} among yours`);
      const range = rangeOf(wish.query);
      if (wish.kind === 'attachment')
        return { contents: [await attachmentPart(message, { uri, number: wish.number, range })] };
      if (range !== undefined) return { contents: [await bodyPart(message, { uri, range })] };
      const files = (message.attachments ?? []).map(
        (file, at) =>
          `Attachment ${at + 1}, ${visibleLine(file.name)}: ipc://message/${message.id}/attachment/${at + 1}\n`,
      );
      return text(pastForModel([message], { now, whole }) + files.join(''));
    }
  }
}

function peek({ operations, reader }: Holder, { limit }: { limit: number }) {
  return operations.check({ reader, door: 'tool', peek: true, limit });
}

async function unread(holder: Holder) {
  const { messages } = await peek(holder, { limit: LISTED });
  return messages.map(({ id, from, body }) => ({
    uri: `ipc://message/${id}`,
    name: id,
    title: escaped(`${visibleLine(from.name)}: ${visibleLine(body.slice(0, FIRST_WORDS))}`),
    mimeType: TEXT,
  }));
}

/** Protocol errors have a message for people too; what is not there has a code of its own in MCP. */
async function plainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = asFailure(error);
    const missing = code.startsWith('no_such') || code === 'invalid' || code === 'invalid_data';
    throw new McpError(missing ? RESOURCE_NOT_FOUND : ErrorCode.InternalError, message);
  }
}
