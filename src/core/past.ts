/** The past: history, search, receipts, export. What a viewer may see the store knows; how much fits is known here. */
import { Failure } from '../protocol/failures.ts';
import type { MessageId } from '../protocol/model.ts';
import { parseAddress } from '../protocol/names.ts';
import type { Handlers, Output, Request } from '../protocol/operations.ts';
import { cursorOf } from './cursor.ts';
import type { Desk } from './desk.ts';
import { granted } from './outcome.ts';
import type { PastQuery, PastRecord } from './records/reading.ts';
import type { Session } from './session.ts';
import { instant, pastView, receiptView } from './view.ts';

const EXPORT_PAGE = 20;
const HISTORY_PAGE = 50;
/** Characters of body in one answer of history or search; going further back brings the rest. */
const ANSWER_CHARACTERS = 524_288;
const FIRST_LINE = 120;

type Past = 'export' | 'history' | 'receipts' | 'search';

export function pastHandlers(desk: Desk, session: Session): Pick<Handlers, Past> {
  return {
    export: (request, { signal }) => everything(desk, session, request, signal),
    history: async (request) => history(desk, session, request),
    receipts: async ({ id, limit }) => {
      const query = { ...mine(session.acting().id), id: id ?? null, sentByViewer: id === undefined, limit };
      const records = await desk.store.past(query);
      if (id !== undefined && records.length === 0) throw noSuchMessage(id);
      return { messages: records.map((record) => receiptsOf(record, desk)).reverse() };
    },
    search: async ({ query, limit, everyone }) => {
      const viewer = session.viewer(everyone);
      const { found } = granted(await desk.store.search({ viewer, text: query, limit }));
      const you = session.agent?.id ?? null;
      const messages = fitting(found, 0).map((record) => ({
        ...pastView(record, you, desk.blobs),
        snippet: record.snippet ?? '',
      }));
      return { messages };
    },
  };
}

function mine(viewer: PastQuery['viewer']): PastQuery {
  return {
    viewer,
    id: null,
    with: null,
    thread: null,
    state: null,
    sentByViewer: false,
    before: null,
    after: null,
    limit: 1,
  };
}

async function history(
  desk: Desk,
  session: Session,
  request: Request<'history'>,
): Promise<Output<'history'>> {
  const viewer = session.viewer(request.everyone);
  const query = {
    ...mine(viewer),
    id: request.id ?? null,
    with: request.with === undefined ? null : parseAddress(request.with),
    thread: request.thread ?? null,
    state: request.state ?? null,
  };
  const records: PastRecord[] = [];
  let before = request.before === undefined ? null : cursorOf(request.before);
  let ended = false;
  let room = true;
  while (!ended && room && records.length < request.limit) {
    const limit = Math.min(request.limit - records.length, HISTORY_PAGE);
    const page = await desk.store.past({ ...query, before, limit });
    const shown = fitting(page, charactersIn(records));
    records.push(...shown);
    before = records.at(-1)?.cursor ?? null;
    room = shown.length === page.length;
    ended = room && page.length < limit;
  }
  if (request.id !== undefined && records.length === 0) throw noSuchMessage(request.id);
  const you = session.agent?.id ?? null;
  const messages = records.map((record) => pastView(record, you, desk.blobs)).reverse();
  return ended || before === null || request.id !== undefined
    ? { messages }
    : { messages, before: String(before) };
}

function charactersIn(records: readonly PastRecord[]): number {
  return records.reduce((sum, { message }) => sum + message.body.length, 0);
}

/** The first ones that fit into an answer beside what it has; of an empty one, one at least. */
function fitting(records: readonly PastRecord[], has: number): readonly PastRecord[] {
  let characters = has;
  const end = records.findIndex(({ message }, index) => {
    characters += message.body.length;
    return characters > ANSWER_CHARACTERS && (has > 0 || index > 0);
  });
  return end === -1 ? records : records.slice(0, end);
}

async function* everything(
  desk: Desk,
  session: Session,
  request: Request<'export'>,
  signal: AbortSignal | undefined,
): AsyncIterable<Output<'export'>> {
  const viewer = session.viewer(request.everyone);
  const you = session.agent?.id ?? null;
  let after = request.after === undefined ? 0 : cursorOf(request.after);
  while (signal?.aborted !== true) {
    const page = await desk.store.past({ ...mine(viewer), after, limit: EXPORT_PAGE });
    for (const record of page) {
      after = record.cursor;
      yield { ...pastView(record, you, desk.blobs), cursor: String(after) };
    }
    if (page.length < EXPORT_PAGE) return;
  }
}

function receiptsOf(record: PastRecord, { presence }: Desk): Output<'receipts'>['messages'][number] {
  const { message } = record;
  return {
    id: message.id as MessageId,
    from: message.from.name,
    to: [...message.to],
    sentAt: instant(message.sentAt),
    firstLine: (message.body.split('\n', 1)[0] ?? '').slice(0, FIRST_LINE),
    receipts: record.receipts.map((receipt) => ({
      ...receiptView(receipt),
      doors: [...presence.doorsOf(receipt.agent)],
      confirmedDoors: [...receipt.confirmedDoors],
    })),
  };
}

function noSuchMessage(id: string): Failure {
  return new Failure('no_such_message', `no message ${id} among those you sent or were sent`);
}
