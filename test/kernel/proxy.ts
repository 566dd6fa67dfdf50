/** A TCP relay before each of a kernel's ports that cuts what passes through it, when it is told to. */
import { channelNames, type ConnectionInfo } from '../../src/kernel/connection-info.ts';

export interface Proxy extends Disposable {
  readonly info: ConnectionInfo;
  readonly open: number;
  /** Cuts one of the connections open now; `pick` in [0, 1) says which. False: there is none. */
  cut(pick: number): boolean;
}

interface Side {
  other: Bun.Socket<Side> | undefined;
  readonly waiting: Buffer[];
}

export function proxyBefore(info: ConnectionInfo): Proxy {
  const pairs = new Set<readonly [Bun.Socket<Side>, Bun.Socket<Side>]>();
  const write = (socket: Bun.Socket<Side>, chunk: Buffer) => {
    const { waiting } = socket.data;
    waiting.push(chunk);
    if (waiting.length === 1) drain(socket);
  };
  const drain = (socket: Bun.Socket<Side>) => {
    const { waiting } = socket.data;
    for (let [chunk] = waiting; chunk !== undefined; [chunk] = waiting) {
      const written = Math.max(0, socket.write(chunk));
      if (written < chunk.length) {
        waiting[0] = chunk.subarray(written);
        return;
      }
      waiting.shift();
    }
  };
  const relay = {
    data: (socket: Bun.Socket<Side>, chunk: Buffer) => {
      const { other } = socket.data;
      if (other === undefined) socket.data.waiting.push(chunk);
      else write(other, chunk);
    },
    drain,
    close: (socket: Bun.Socket<Side>) => socket.data.other?.terminate(),
    error: () => undefined,
    connectError: () => undefined,
  };
  const servers = channelNames.map((name) =>
    Bun.listen<Side>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        ...relay,
        open: (near) => {
          near.data = { other: undefined, waiting: [] };
          const far = Bun.connect<Side>({
            hostname: info.ip,
            port: info.ports[name],
            data: { other: near, waiting: [] },
            socket: relay,
          });
          far.then(
            (found) => {
              const early = near.data.waiting.splice(0);
              near.data.other = found;
              for (const chunk of early) write(found, chunk);
              pairs.add([near, found]);
            },
            () => near.terminate(),
          );
        },
      },
    }),
  );
  const ports = Object.fromEntries(channelNames.map((name, at) => [name, servers[at]?.port ?? 0]));
  return {
    info: { ...info, ports: ports as ConnectionInfo['ports'] },
    get open() {
      return pairs.size;
    },
    cut: (pick) => {
      const pair = [...pairs][Math.floor(pick * pairs.size)];
      if (pair === undefined) return false;
      pairs.delete(pair);
      const alive = pair[0].readyState > 0;
      for (const socket of pair) socket.terminate();
      return alive;
    },
    [Symbol.dispose]: () => {
      for (const server of servers) server.stop(true);
      for (const pair of pairs) for (const socket of pair) socket.terminate();
    },
  };
}
