/** A session with the daemon, spoken frame by frame as `src/protocol/wire.ts` has it. */
import { randomBytes } from 'node:crypto';
import { type Hello, PROTOCOL } from '../../src/protocol/wire.ts';
import { version } from '../../package.json';
import { byLine, type Line, openLine } from './line.ts';

export interface Session {
  readonly call: (
    method: string,
    params: Readonly<Record<string, unknown>>,
  ) => Promise<Record<string, unknown>>;
  /** Opens a stream; its items go to `item` until the session is closed. */
  readonly follow: (method: string, params: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

export interface Opening {
  readonly socket: string;
  readonly name: string;
  /** Absent: a new key, for a name this bench makes itself. */
  readonly key?: string;
  readonly item?: (text: string) => void;
}

export async function openSession(opening: Opening): Promise<Session> {
  let lastId = 0;
  const line: Line = await openLine(opening.socket, byLine, (answer) => {
    if (!answer.includes('"method":"rpc.')) return false;
    if (!answer.includes('"method":"rpc.next"')) return true;
    opening.item?.(answer);
    // Pays for the item at once: this reader is never the slow one.
    line.tell(frame({ method: 'rpc.credit', params: { id: 'stream', count: 1 } }));
    return true;
  });
  const hello: Hello = {
    protocol: PROTOCOL,
    version,
    caller: { client: 'bench', kind: 'script', pid: process.pid },
    credential: { name: opening.name, key: opening.key ?? randomBytes(32).toString('base64url') },
  };
  const call: Session['call'] = async (method, params) => {
    lastId += 1;
    const answer = await line.ask(frame({ id: lastId, method, params }));
    const parsed: unknown = JSON.parse(answer);
    if (isRecord(parsed) && isRecord(parsed['result'])) return parsed['result'];
    throw new Error(`wanted a result of ${method}, found ${answer.slice(0, 500)}`);
  };
  await call('rpc.hello', { ...hello });
  return {
    call,
    follow: (method, params) => {
      line.tell(frame({ id: 'stream', method, params }));
    },
    close: () => {
      line.close();
    },
  };
}

function frame(content: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...content })}\n`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
