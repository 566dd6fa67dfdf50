/** A client that knows no manners: writes any bytes, reads whatever lines come back. */
import { until } from './until.ts';

export interface RawSocket extends Disposable {
  readonly lines: readonly string[];
  readonly closed: boolean;
  write(bytes: string | Uint8Array): Promise<void>;
  frame(value: unknown): Promise<void>;
  /** The frame at this place, once it has come. */
  at(index: number): Promise<Record<string, unknown>>;
  /** The answer to this id, once it has come. */
  answer(id: number | string): Promise<Record<string, unknown>>;
  ended(): Promise<void>;
}

export async function rawSocket(
  path: string,
  options: { readonly reads?: boolean } = {},
): Promise<RawSocket> {
  const lines: string[] = [];
  let rest = '';
  let closed = false;
  let drained: (() => void) | undefined;
  const socket = await Bun.connect({
    unix: path,
    socket: {
      open: (opened) => {
        if (options.reads === false) opened.pause();
      },
      data: (_socket, chunk) => {
        const parts = (rest + chunk.toString()).split('\n');
        rest = parts.pop() ?? '';
        lines.push(...parts);
      },
      drain: () => drained?.(),
      close: () => {
        closed = true;
        drained?.();
      },
    },
  });
  const parsed = (line: string | undefined): Record<string, unknown> =>
    (JSON.parse(line ?? 'null') as Record<string, unknown> | null) ?? {};
  const find = (id: unknown) => lines.map(parsed).find((frame) => frame['id'] === id && !('method' in frame));
  const self: RawSocket = {
    lines,
    get closed() {
      return closed;
    },
    write: async (bytes) => {
      let left: Uint8Array = Buffer.from(bytes);
      while (left.length > 0 && !closed) {
        left = left.subarray(Math.max(0, socket.write(left)));
        if (left.length > 0) await new Promise<void>((resolve) => (drained = resolve));
      }
    },
    frame: (value) => self.write(`${JSON.stringify(value)}\n`),
    at: async (index) => {
      await until(() => lines.length > index || closed, `frame ${index}`);
      return parsed(lines[index]);
    },
    answer: async (id) => {
      await until(() => find(id) !== undefined || closed, `the answer to ${id}`);
      return find(id) ?? {};
    },
    ended: () => until(() => closed, 'the connection to be closed'),
    [Symbol.dispose]: () => void socket.end(),
  };
  return self;
}
