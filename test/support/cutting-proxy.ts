/**
 * A TCP proxy that cuts event streams at random: after a random number of bytes towards the client, in the
 * middle of an event as well as between two. Requests that are not GET pass untouched. Seeded.
 */
import type { Socket } from 'bun';

export interface CuttingProxy extends Disposable {
  readonly url: string;
  /** Streams cut so far. */
  cuts(): number;
  /** From now on nothing is cut. */
  calm(): void;
}

interface Way {
  upstream: Socket<undefined> | undefined;
  waiting: Buffer[];
  /** Bytes until the cut; undefined: a connection that is left alone. */
  left: number | undefined;
}

export function cuttingProxy(port: number, random: () => number, most: number): CuttingProxy {
  let cut = 0;
  let calm = false;
  const server = Bun.listen<Way>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: (client) => {
        client.data = { upstream: undefined, waiting: [], left: undefined };
        void Bun.connect({
          hostname: '127.0.0.1',
          port,
          socket: {
            open: (upstream) => {
              client.data.upstream = upstream;
              for (const chunk of client.data.waiting) upstream.write(chunk);
            },
            data: (upstream, chunk) => {
              const { left } = client.data;
              if (left === undefined || left > chunk.length || calm) {
                if (left !== undefined) client.data.left = left - chunk.length;
                client.write(chunk);
                return;
              }
              cut += 1;
              client.write(chunk.subarray(0, left));
              client.end();
              upstream.terminate();
            },
            close: () => void client.end(),
          },
        });
      },
      data: (client, chunk) => {
        // A connection serves one request after the other; the last one decides.
        const isStream = chunk.subarray(0, 4).toString() === 'GET ';
        if (isStream && cut < most && !calm) client.data.left = 150 + Math.floor(random() * 2_500);
        if (client.data.upstream === undefined) client.data.waiting.push(chunk);
        else client.data.upstream.write(chunk);
      },
      close: (client) => client.data.upstream?.terminate(),
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    cuts: () => cut,
    calm: () => {
      calm = true;
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
