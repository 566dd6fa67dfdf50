/** A store with so many messages in a thousand mailboxes, and the three questions asked of it. */
import { randomBytes } from 'node:crypto';
import { type Sender, drive } from './load.ts';
import { type Session, isRecord, listOf, openSession } from './session.ts';
import type { Site } from './site.ts';
import { timed } from './statistics.ts';

const MAILBOXES = 1_000;
const WRITERS = 64;
/** Mailboxes that are read from; below the daemon's limit of connections. */
const READERS = 250;
const BYTES = 200;
const WORDS = 'tests are green on main the build took longer than before please look at the log';

export interface Stock {
  readonly send: () => Promise<number>;
  readonly check: () => Promise<number>;
  /** A word that stands in one message. */
  readonly search: () => Promise<number>;
  /** A word that stands in every message. */
  readonly searchCommon: () => Promise<number>;
  readonly close: () => void;
}

export async function openStock(site: Site, stored: number): Promise<Stock> {
  const mailboxes = Array.from({ length: MAILBOXES }, (_, number) => `mailbox-${number}`);
  const readers: Session[] = [];
  for (const name of mailboxes) {
    const key = randomBytes(32).toString('base64url');
    const session = await openSession({ socket: site.socket, name, key });
    if (readers.length < READERS) readers.push(session);
    else session.close();
  }
  const writers = await Promise.all(
    Array.from(
      { length: WRITERS },
      async (_, number) => await openSession({ socket: site.socket, name: `writer-${number}` }),
    ),
  );
  const [writer] = writers;
  if (writer === undefined) throw new Error('wanted a writer');

  let sent = 0;
  /** Words that the first writer, who is also the one that searches, has used in one message each. */
  const rare: string[] = [];
  const post = async (session: Session, to: string): Promise<void> => {
    sent += 1;
    const word = `word${sent}`;
    const text = `${word} ${WORDS} `.padEnd(BYTES, 'filling ');
    await session.call('send', { id: Bun.randomUUIDv7(), to: [to], body: text });
    if (session === writer) rare.push(word);
  };
  const mailboxOf = (number: number): string => mailboxes[number % MAILBOXES] ?? 'mailbox-0';
  const senders: Sender[] = writers.map((session) => ({
    send: async () => post(session, mailboxOf(sent)),
    close: session.close,
  }));
  await drive(senders, { count: stored }, BYTES);

  const search = async (query: string, wanted: number): Promise<number> => {
    const begun = performance.now();
    const found = await writer.call('search', { query });
    const took = performance.now() - begun;
    const messages = found['messages'];
    if (!Array.isArray(messages) || messages.length < wanted) {
      throw new Error(
        `wanted ${wanted} messages with ${query}, found ${JSON.stringify(found).slice(0, 300)}`,
      );
    }
    return took;
  };
  let checks = 0;
  return {
    send: async () => timed(async () => post(writer, mailboxOf(sent * 7919))),
    check: async () => {
      const number = checks % READERS;
      checks += 1;
      const session = readers[number];
      if (session === undefined) throw new Error('wanted a reader');
      // Never the reader who finds nothing: that would be another question.
      await post(writer, mailboxOf(number));
      return await timed(async () => readOne(session));
    },
    search: async () => search(rare[Math.floor(Math.random() * rare.length)] ?? 'word1', 1),
    searchCommon: async () => search('longer', 1),
    close: () => {
      for (const session of [...readers, ...writers]) session.close();
    },
  };
}

/** The oldest message, fetched and confirmed. */
async function readOne(session: Session): Promise<void> {
  const reader = `bench-${process.pid}`;
  const { messages } = await session.call('check', { reader, limit: 1 });
  const [message] = listOf(messages);
  if (!isRecord(message)) throw new Error('wanted a message, found an empty mailbox');
  const deliveries = [{ id: message['id'], attempt: message['attempt'] }];
  const { confirmed } = await session.call('confirm', { reader, door: 'cli', stage: 'handed', deliveries });
  if (confirmed !== 1) throw new Error('the hand-over was not confirmed');
}
