/**
 * A process that opens connections to a daemon and does with them what nobody should. Its argument: a
 * `CrowdOrder` as JSON. A JSON line says that they are there, another, once stdin was closed, what became of them.
 */
import { helloParams } from '../line-client.ts';

/**
 * `silent` says nothing, `half` half a hello, `slow` a hello byte by byte, `greeted` hello and nothing more,
 * `deaf` follows a mailbox and never reads, `storm` comes and goes.
 */
export type Manner = 'silent' | 'half' | 'slow' | 'greeted' | 'deaf' | 'storm';

export interface CrowdOrder {
  readonly socket: string;
  readonly manner: Manner;
  readonly count: number;
  /** Whose mailbox the deaf follow. */
  readonly name?: string;
  readonly key?: string;
}

export interface CrowdReport {
  /** Connections that were made. */
  opened: number;
  /** Told in words why they were not taken. */
  told: number;
  closed: number;
  /** Came and went. */
  visits: number;
}

type Socket = Bun.Socket;

/** Connections that are being made at one time; the system lets only so many wait at a socket. */
const AT_ONCE = 64;
const BYTE_MS = 100;

const order = JSON.parse(process.argv[2] ?? '{}') as CrowdOrder;
const report: CrowdReport = { opened: 0, told: 0, closed: 0, visits: 0 };
const hello = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.hello', params: helloParams(order) })}\n`;
const watch = `${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'watch', params: {} })}\n`;
const held: Socket[] = [];
let begun = 0;
let over = false;

const leaving = (async () => {
  for await (const _ of process.stdin);
  over = true;
})();

if (order.manner === 'storm') {
  await Promise.all(Array.from({ length: order.count }, storm));
} else {
  let left = order.count;
  const open = async (): Promise<void> => {
    while (left > 0 && !over) {
      left -= 1;
      const socket = await connect();
      if (socket === undefined) continue;
      held.push(socket);
      if (order.manner === 'slow') void trickle(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  while (order.manner === 'deaf' && begun < order.count) await pause(5);
}
process.stdout.write(`${JSON.stringify(report)}\n`);
await leaving;
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);

async function storm(): Promise<void> {
  while (!over) {
    const socket = await connect();
    report.visits += 1;
    if (report.visits % 3 === 0) socket?.end();
    else socket?.terminate();
    if (report.visits === 1_000) process.stdout.write(`${JSON.stringify(report)}\n`);
  }
}

async function connect(): Promise<Socket | undefined> {
  for (let tries = 0; tries < 200 && !over; tries += 1) {
    try {
      return await Bun.connect({
        unix: order.socket,
        socket: {
          open: (socket) => {
            report.opened += 1;
            if (order.manner === 'half') socket.write(hello.slice(0, hello.length / 2));
            if (order.manner === 'greeted') socket.write(hello);
            if (order.manner === 'deaf') socket.write(hello + watch);
          },
          data: (socket, chunk) => {
            const text = chunk.toString();
            if (text.includes('"id":null')) report.told += 1;
            if (order.manner !== 'deaf' || !text.includes('rpc.begin')) return;
            begun += 1;
            socket.pause();
          },
          close: () => {
            report.closed += 1;
          },
          error: () => undefined,
          connectError: () => undefined,
        },
      });
    } catch {
      // As many wait at the socket as may.
      await pause(5);
    }
  }
  return undefined;
}

async function trickle(socket: Socket): Promise<void> {
  for (const byte of hello) {
    if (over || socket.readyState <= 0) return;
    socket.write(byte);
    await pause(BYTE_MS);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
