/**
 * A well-behaved client of the socket that is no part of the product: it speaks the wire as the README and
 * `protocol/wire.ts` describe it, so what it is promised is what any client is promised.
 */
export interface LineClient extends Disposable {
  /** The answer as it was said; undefined: the connection ended with it owed. */
  ask(method: string, params: unknown): Promise<Answer | undefined>;
  /** Rejects with the failure's code in its message. */
  call<T = Record<string, unknown>>(method: string, params: unknown): Promise<T>;
  readonly closed: boolean;
  end(): void;
}

/** What a refusal says of itself (`protocol/failures.ts`). */
export interface Refusal {
  readonly code: string;
  readonly hint: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string; readonly data?: Refusal };
}

export interface Greeting {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
  readonly kind?: 'human' | 'agent' | 'script' | undefined;
  /** What it says it runs in; what has the same one is known to be one program. */
  readonly program?: string | undefined;
}

export function helloParams({ name, key, kind = 'script', program }: Greeting): Record<string, unknown> {
  return {
    protocol: { min: 1, max: 1 },
    version: '0.0.0',
    caller: { client: 'attack', kind, pid: process.pid, ...(program === undefined ? {} : { program }) },
    ...(name === undefined || key === undefined ? {} : { credential: { name, key } }),
  };
}

/** A key as clients make them: 256 bits in base64url. */
export function freshKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
}

/** Always the same for a name, so that it is the same agent in every session. */
export function keyOf(name: string): string {
  return new Bun.CryptoHasher('sha256').update(name).digest('base64url');
}

export async function lineClient(path: string, greeting: Greeting): Promise<LineClient> {
  const owed = new Map<number, (answer: Answer | undefined) => void>();
  const utf8 = new TextDecoder();
  let last = 0;
  let rest = '';
  let unsent: Uint8Array = new Uint8Array(0);
  let closed = false;
  /** Why the other side hung up, where it said so. */
  let farewell = 'the connection was closed';

  const close = (): void => {
    closed = true;
    for (const settle of owed.values()) settle(undefined);
    owed.clear();
  };
  const take = (line: string): void => {
    const answer = JSON.parse(line) as Answer & { readonly id?: number | null };
    if (answer.id === null && answer.error !== undefined) farewell = `hung up: ${answer.error.message}`;
    owed.get(answer.id ?? -1)?.(answer);
    owed.delete(answer.id ?? -1);
  };
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data: (_socket, chunk) => {
        const lines = (rest + utf8.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) take(line);
      },
      drain: (open) => {
        unsent = unsent.subarray(Math.max(0, open.write(unsent)));
      },
      close,
      error: close,
    },
  });
  const ask = (method: string, params: unknown): Promise<Answer | undefined> => {
    if (closed) return Promise.resolve(undefined);
    const id = ++last;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    owed.set(id, resolve);
    const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    const all = unsent.length === 0 ? bytes : Buffer.concat([unsent, bytes]);
    unsent = all.subarray(Math.max(0, socket.write(all)));
    return promise;
  };
  const self: LineClient = {
    ask,
    call: async <T>(method: string, params: unknown) => {
      const answer = await ask(method, params);
      if (answer === undefined) throw new Error(farewell);
      if (answer.error === undefined) return answer.result as T;
      throw new Error(`${answer.error.data?.code ?? 'unknown'}: ${answer.error.message}`);
    },
    get closed() {
      return closed;
    },
    end: () => void socket.end(),
    [Symbol.dispose]: () => void socket.end(),
  };
  try {
    await self.call('rpc.hello', helloParams(greeting));
    return self;
  } catch (error) {
    self.end();
    throw error;
  }
}
