/** Fires bytes at a port, each shot over a connection of its own, and sees what comes back. */
import { moment, within } from '../moment.ts';
import type { Shot } from './shots.ts';

export interface Seen {
  readonly shot: Shot;
  /** Of the first answer; undefined: there was none. */
  readonly status: number | undefined;
  readonly text: string;
}

/** Nobody waits longer for an answer: half a request has none. */
const PATIENCE_MS = 60;

export async function fire(port: number, shot: Shot): Promise<Seen> {
  let text = '';
  let unsent: Uint8Array = shot.bytes;
  const answered = Promise.withResolvers<void>();
  const push = (socket: Bun.Socket): void => {
    if (unsent.length > 0) unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  let socket;
  try {
    socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: push,
        drain: push,
        data: (_open, chunk) => {
          text += chunk.toString('latin1');
          if (isWhole(text)) answered.resolve();
        },
        close: () => answered.resolve(),
        error: () => answered.resolve(),
      },
    });
  } catch {
    // Too many at once: the next one gets through.
    await moment(5);
    return { shot, status: undefined, text };
  }
  await within(answered.promise, PATIENCE_MS);
  socket.terminate();
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  return { shot, status: status === undefined ? undefined : Number(status), text };
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  return length === undefined ? text.length > head + 4 : text.length >= head + 4 + Number(length);
}
