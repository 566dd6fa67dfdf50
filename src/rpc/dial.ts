/** The client's end of the socket. Loaded by every command, so it holds nothing else. */
import type { Connection, Receiver } from './connection.ts';
import { Outbox } from './outbox.ts';

/** Rejects with the system's error: ENOENT nothing is there, ECONNREFUSED nobody listens there. */
export async function dial(path: string, receive: (connection: Connection) => Receiver): Promise<void> {
  let outbox: Outbox | undefined;
  let receiver: Receiver | undefined;
  let over = false;
  const close = (): void => {
    if (over) return;
    over = true;
    outbox?.gone();
    receiver?.closed();
  };
  await Bun.connect({
    unix: path,
    socket: {
      // A Buffer for each chunk would load that class.
      binaryType: 'uint8array',
      open(socket) {
        outbox = new Outbox(socket);
        receiver = receive(outbox);
      },
      data: (_socket, chunk) => receiver?.data(chunk),
      drain: () => outbox?.flush(),
      end: (socket) => void socket.end(),
      close,
      error: close,
      // Without it Bun prints what the promise says already.
      connectError: () => undefined,
    },
  });
}
