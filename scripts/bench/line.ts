/**
 * One connection of the load generator: a question at a time, over a Unix socket or a port of this machine.
 * The same code drives the daemon (a JSON object a line), the HTTP door, the reference broker (HTTP) and the
 * bare echo, so that what is
 * compared is the servers. What it carries is ASCII: a byte is a character.
 */

export interface Line {
  /** Writes one request; resolves with the next answer. */
  readonly ask: (request: string) => Promise<string>;
  readonly tell: (notice: string) => void;
  readonly close: () => void;
}

/** Length of the first whole answer in what has arrived, 0 when there is none yet. */
export type Framing = (arrived: string) => number;

export const byLine: Framing = (arrived) => arrived.indexOf('\n') + 1;

export const byContentLength: Framing = (arrived) => {
  const head = arrived.indexOf('\r\n\r\n');
  if (head === -1) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(arrived.slice(0, head))?.[1];
  const end = head + 4 + Number(length ?? 0);
  return arrived.length >= end ? end : 0;
};

/** A streamed answer, in pieces until the empty one. */
export const byChunks: Framing = (arrived) => {
  const end = arrived.indexOf('\r\n0\r\n\r\n');
  return end === -1 ? 0 : end + 7;
};

/** The path of a Unix socket, or a port of this machine. */
export type Place = string | number;

export async function openLine(
  place: Place,
  framing: Framing,
  /** Takes an answer nobody asked for and says so; what it declines is the answer waited for. */
  isNotice: (answer: string) => boolean = () => false,
): Promise<Line> {
  let arrived = '';
  let unsent = Buffer.alloc(0);
  let waiting: { resolve: (answer: string) => void; reject: (error: Error) => void } | null = null;

  const handlers: Bun.SocketHandler<undefined> = {
    data: (_socket, chunk) => {
      arrived += chunk.toString('latin1');
      for (let end = framing(arrived); end > 0; end = framing(arrived)) {
        const answer = arrived.slice(0, end);
        arrived = arrived.slice(end);
        if (isNotice(answer)) continue;
        const taker = waiting;
        waiting = null;
        taker?.resolve(answer);
      }
    },
    drain: (open) => {
      unsent = unsent.subarray(Math.max(0, open.write(unsent)));
    },
    close: () => {
      waiting?.reject(new Error(`the other side closed ${place} before it answered`));
    },
  };
  const socket = await (typeof place === 'number'
    ? Bun.connect({ hostname: '127.0.0.1', port: place, socket: handlers })
    : Bun.connect({ unix: place, socket: handlers }));

  function tell(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (unsent.length > 0) {
      unsent = Buffer.concat([unsent, bytes]);
      return;
    }
    const written = Math.max(0, socket.write(bytes));
    if (written < bytes.length) unsent = bytes.subarray(written);
  }

  return {
    ask: async (request) =>
      await new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        tell(request);
      }),
    tell,
    close: () => {
      waiting = null;
      socket.end();
    },
  };
}
