/** Somebody between a client and the daemon who hears every byte of both. */
export interface WireProxy extends Disposable {
  /** Frames the client said, in order, as they were. */
  readonly said: readonly string[];
  readonly answered: readonly string[];
}

interface Leg {
  other: Promise<Bun.Socket> | undefined;
}

/** Listens at `path` and passes everything on to `target`. */
export function wireProxy(path: string, target: string): WireProxy {
  const said: string[] = [];
  const answered: string[] = [];
  const keep = (frames: string[], chunk: Uint8Array): void => {
    frames.push(...chunk.toString().split('\n').filter(Boolean));
  };
  const listener = Bun.listen<Leg>({
    unix: path,
    data: { other: undefined },
    socket: {
      open: (client) => {
        client.data = {
          other: Bun.connect({
            unix: target,
            socket: {
              data: (_daemon, chunk) => {
                keep(answered, chunk);
                client.write(chunk);
              },
              close: () => void client.end(),
            },
          }),
        };
      },
      data: (client, chunk) => {
        keep(said, chunk);
        void client.data.other?.then((daemon) => daemon.write(chunk));
      },
      close: (client) => void client.data.other?.then((daemon) => daemon.end()),
    },
  });
  return { said, answered, [Symbol.dispose]: () => listener.stop(true) };
}
