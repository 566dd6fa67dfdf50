/**
 * Mail of another system. It comes with the names, times and marks of being read that it had there; it
 * is stamped as not verified and as imported, wakes nobody, and passes no guard: nobody sends it now.
 */
import type { MessageId } from '../protocol/model.ts';
import type { Handlers, Request } from '../protocol/operations.ts';
import type { Desk } from './desk.ts';
import { adopted } from './posting.ts';
import type { ImportedMessage } from './records/importing.ts';

export function importHandlers(desk: Desk): Pick<Handlers, 'store.import' | 'store.imported'> {
  const { store, clock } = desk;
  return {
    'store.import': async ({ from, messages }) => {
      const taken: ImportedMessage[] = [];
      for (const message of messages) taken.push(await taking(desk, from, message));
      const { added, known, refused } = await store.import({ messages: taken, now: clock.now() });
      return { added: added.length, known: known.length, refused: [...refused] };
    },
    'store.imported': async ({ ids }) => ({ known: [...(await store.imported(ids))] as MessageId[] }),
  };
}

async function taking(
  desk: Desk,
  from: string,
  { id, sender, to, sentAt, read, readAt, body, data, ...blobs }: Request<'store.import'>['messages'][number],
): Promise<ImportedMessage> {
  const at = readAt === undefined ? null : Date.parse(readAt);
  return {
    id,
    sender,
    to,
    client: `imported from ${from}`,
    sentAt: Date.parse(sentAt),
    read: read ? { words: `read in ${from}`, at } : null,
    body,
    data: data === undefined ? null : JSON.stringify(data),
    ...(await adopted(desk, blobs)),
  };
}
