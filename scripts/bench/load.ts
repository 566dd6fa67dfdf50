/** The load generator: so many senders, each with one message under way, every message confirmed. */
import { byContentLength, byLine, openLine } from './line.ts';
import { openSession } from './session.ts';
import { type Spread, spread } from './statistics.ts';

export interface Sender {
  /** Resolves when the server has confirmed that the message is stored. */
  readonly send: (body: string) => Promise<void>;
  readonly close: () => void;
}

export interface Load extends Spread {
  readonly perSecond: number;
}

let messages = 0;

/** About so many bytes, never the same twice. */
export function body(bytes: number): string {
  messages += 1;
  return `message ${messages} `.padEnd(bytes, 'the quick brown fox jumps over the lazy dog ');
}

export async function drive(
  senders: readonly Sender[],
  until: { readonly seconds: number } | { readonly count: number },
  bytes = 1024,
): Promise<Load> {
  const samples: number[] = [];
  let begunCount = 0;
  const begun = performance.now();
  const deadline = 'seconds' in until ? begun + until.seconds * 1000 : Number.POSITIVE_INFINITY;
  const most = 'count' in until ? until.count : Number.POSITIVE_INFINITY;
  await Promise.all(
    senders.map(async (sender) => {
      while (begunCount < most) {
        begunCount += 1;
        const text = body(bytes);
        const asked = performance.now();
        if (asked > deadline) return;
        await sender.send(text);
        samples.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  return { ...spread(samples), perSecond: samples.length / seconds };
}

/** A session of the daemon that sends to one agent. */
export async function daemonSender(socket: string, from: string, to: string): Promise<Sender> {
  const session = await openSession({ socket, name: from });
  return {
    send: async (text) => {
      const sent = await session.call('send', { id: Bun.randomUUIDv7(), to: [to], body: text });
      if (sent['duplicate'] !== false) throw new Error('the daemon took a new message for an old one');
    },
    close: session.close,
  };
}

/** Takes the name, so that what is sent to it waits in a mailbox that has an owner. */
export async function settle(socket: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const session = await openSession({ socket, name });
    session.close();
  }
}

export async function daemonSenders(socket: string, count: number, prefix = 'sender'): Promise<Sender[]> {
  const numbers = Array.from({ length: count }, (_, index) => index);
  await settle(
    socket,
    numbers.map((number) => `${prefix}-sink-${number}`),
  );
  return await Promise.all(
    numbers.map(
      async (number) => await daemonSender(socket, `${prefix}-${number}`, `${prefix}-sink-${number}`),
    ),
  );
}

/** The same against the reference broker, one POST a message over a connection kept alive. */
export async function referenceSender(socket: string, to: string): Promise<Sender> {
  const line = await openLine(socket, byContentLength);
  return {
    send: async (text) => {
      const payload = JSON.stringify({ id: Bun.randomUUIDv7(), to, body: text });
      const head = `POST /send HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${payload.length}\r\n\r\n`;
      const answer = await line.ask(head + payload);
      if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`the reference broker says ${answer}`);
    },
    close: line.close,
  };
}

/** The same against the bare echo. */
export async function echoSender(socket: string): Promise<Sender> {
  const line = await openLine(socket, byLine);
  return {
    send: async (text) => {
      const answer = await line.ask(`${text}\n`);
      if (answer.length !== text.length + 1) throw new Error('the echo changed the text');
    },
    close: line.close,
  };
}
