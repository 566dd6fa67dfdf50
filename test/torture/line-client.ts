/**
 * A well-behaved client of the socket that is no part of the product: it speaks the wire as the README and
 * `protocol/wire.ts` describe it, so what it is promised is what any client is promised.
 */
export interface LineClient {
  /** Rejects with the failure's code in its message. */
  call<T = Record<string, unknown>>(method: string, params: unknown): Promise<T>;
  readonly closed: boolean;
  end(): void;
}

export interface Greeting {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
  readonly kind?: 'human' | 'agent' | 'script' | undefined;
}

interface Answer {
  readonly id?: number | null;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: { readonly code?: string } };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export function helloParams({ name, key, kind = 'script' }: Greeting): Record<string, unknown> {
  return {
    protocol: { min: 1, max: 1 },
    version: '0.0.0',
    caller: { client: 'attack', kind, pid: process.pid },
    ...(name === undefined || key === undefined ? {} : { credential: { name, key } }),
  };
}

/** A key as clients make them: 256 bits in base64url. */
export function freshKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
}

export async function lineClient(path: string, greeting: Greeting): Promise<LineClient> {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let rest = '';
  let unsent: Uint8Array = new Uint8Array(0);
  let closed = false;

  const take = (line: string): void => {
    const { id, result, error } = JSON.parse(line) as Answer;
    if (id === null && error !== undefined) return close(new Error(`hung up: ${error.message}`));
    const open = typeof id === 'number' ? waiting.get(id) : undefined;
    if (open === undefined || typeof id !== 'number') return;
    waiting.delete(id);
    if (error === undefined) open.resolve(result);
    else open.reject(new Error(`${error.data?.code ?? '?'}: ${error.message}`));
  };
  const close = (why: Error): void => {
    closed = true;
    for (const open of waiting.values()) open.reject(why);
    waiting.clear();
  };

  const socket = await Bun.connect({
    unix: path,
    socket: {
      data: (_socket, chunk) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) take(line);
      },
      drain: (open) => {
        unsent = unsent.subarray(Math.max(0, open.write(unsent)));
      },
      close: () => close(new Error('the connection was closed')),
    },
  });
  const self: LineClient = {
    get closed() {
      return closed;
    },
    call: <T>(method: string, params: unknown) =>
      new Promise<T>((resolve, reject) => {
        if (closed) return reject(new Error('the connection is closed'));
        const id = ++last;
        waiting.set(id, { resolve: (result) => resolve(result as T), reject });
        const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
        const all = unsent.length === 0 ? bytes : Buffer.concat([unsent, bytes]);
        unsent = all.subarray(Math.max(0, socket.write(all)));
      }),
    end: () => void socket.end(),
  };
  await self.call('rpc.hello', helloParams(greeting));
  return self;
}
