/** A session with the daemon, spoken frame by frame: what an attack needs to be many agents in one process. */
import { PROTOCOL, type Caller, type Hello } from '../../src/protocol/wire.ts';
import { version } from '../../package.json';

export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export type Answer =
  | { readonly result: Readonly<Record<string, unknown>>; readonly refused?: undefined }
  | { readonly refused: Refused; readonly result?: undefined };

export interface Peer extends Disposable {
  ask(method: string, params: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** As `ask`; throws what was refused. */
  call(method: string, params: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
}

export interface PeerParts {
  readonly socket: string;
  readonly kind: Caller['kind'];
  /** Absent: it acts for nobody until it registers. */
  readonly name?: string;
  readonly more?: Partial<Caller>;
  /** Absent: its name's own, so that the same name is the same agent in every session. */
  readonly key?: string;
}

export const keyOf = (name: string): string =>
  new Bun.CryptoHasher('sha256').update(name).digest('base64url');

export async function openPeer({ socket: unix, kind, name, more, key }: PeerParts): Promise<Peer> {
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  let last = 0;
  let unsent = Buffer.alloc(0);
  let pieces: Buffer[] = [];
  let ended = false;

  const arrived = (line: Buffer): void => {
    const frame = JSON.parse(line.toString()) as { id?: number; result?: unknown; error?: unknown };
    const caller = frame.id === undefined ? undefined : waiting.get(frame.id);
    if (frame.id === undefined || caller === undefined) return;
    waiting.delete(frame.id);
    if (frame.error === undefined) return caller.resolve({ result: frame.result as Record<string, unknown> });
    const { data, message } = frame.error as { data?: Refused; message: string };
    caller.resolve({ refused: data ?? { code: 'none', message, hint: '' } });
  };
  const socket = await Bun.connect({
    unix,
    socket: {
      data: (_socket, chunk) => {
        let rest = chunk;
        for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
          arrived(Buffer.concat([...pieces, rest.subarray(0, end)]));
          pieces = [];
          rest = rest.subarray(end + 1);
        }
        if (rest.length > 0) pieces.push(Buffer.from(rest));
      },
      drain: (open) => {
        unsent = unsent.subarray(Math.max(0, open.write(unsent)));
      },
      close: () => {
        ended = true;
        for (const { reject } of waiting.values()) reject(new Error('the daemon closed the connection'));
        waiting.clear();
      },
    },
  });
  const ask: Peer['ask'] = async (method, params) => {
    if (ended) throw new Error('the connection is closed');
    last += 1;
    const id = last;
    const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    const answer = new Promise<Answer>((resolve, reject) => waiting.set(id, { resolve, reject }));
    if (unsent.length > 0) unsent = Buffer.concat([unsent, bytes]);
    else unsent = bytes.subarray(Math.max(0, socket.write(bytes)));
    return await answer;
  };
  const call: Peer['call'] = async (method, params) => {
    const { result, refused } = await ask(method, params);
    if (refused !== undefined) throw new Error(`${method} was refused: ${refused.code}, ${refused.message}`);
    return result;
  };
  const credential = name === undefined ? {} : { credential: { name, key: key ?? keyOf(name) } };
  const caller = { client: 'torture', kind, pid: process.pid, ...more };
  const hello: Hello = { protocol: PROTOCOL, version, caller, ...credential };
  await call('rpc.hello', { ...hello });
  return { ask, call, [Symbol.dispose]: () => void socket.end() };
}
