/**
 * The daemon's end of the socket. The socket is bound beside its place and moved there: it appears
 * with its final mode, takes a stale one's place in one step, and Bun's own `stop()`, which unlinks
 * the path it bound even when a newer daemon's socket is there, unlinks nothing (design §3.2).
 */
import { renameSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { checkSocket } from '../system/contents.ts';
import { fileIdentity, removeIfThere } from '../system/files.ts';
import type { Connection, Receiver } from './connection.ts';
import { toRpcError } from './faults.ts';
import { Outbox } from './outbox.ts';
import { peerUser } from './peer-user.ts';

export interface ListenParts {
  readonly path: string;
  readonly maxConnections: number;
  /** Whose connections are taken; undefined: the system cannot tell users apart. */
  readonly uid: number | undefined;
  readonly accept: (connection: Connection) => Receiver;
  /** Asked when all places are taken: whether one was given up for who comes. */
  readonly makeRoom?: () => boolean;
}

export interface Listener {
  readonly connections: number;
  /** Whether the socket at the path is still this one. */
  readonly intact: () => boolean;
  /** Binds anew after the path was taken away. */
  readonly rebind: () => void;
  /** Takes no more connections, and the path away if it is still its own. */
  close(): void;
  /** Resolves when what was written has left this process. */
  written(): Promise<void>;
}

/** A client that does not read may keep a daemon that ends for so long. */
const WRITTEN_MS = 1_000;

/**
 * Refused connections that may linger until their refusal is read. More hang up at once: each holds an
 * open file, and without any left `accept` spins (measured).
 */
const MAX_REFUSED = 16;

interface Seat {
  outbox: Outbox | undefined;
  receiver: Receiver | undefined;
}

/** A named pipe of Windows, which is no file. */
export function isPipe(path: string): boolean {
  return path.startsWith('\\\\');
}

export function listen(parts: ListenParts): Listener {
  let connections = 0;
  let emptied = (): void => undefined;

  const admit = (socket: Bun.Socket<Seat>): void => {
    const outbox = new Outbox(socket);
    socket.data = { outbox, receiver: undefined };
    connections += 1;
    const refused = refusal(socket, connections, parts);
    if (refused === undefined) {
      socket.data.receiver = parts.accept(outbox);
      return;
    }
    if (connections > parts.maxConnections + MAX_REFUSED) {
      socket.terminate();
      return;
    }
    outbox.send(JSON.stringify({ jsonrpc: '2.0', id: null, error: toRpcError(refused) }));
    outbox.end();
  };

  const leave = (socket: Bun.Socket<Seat>): void => {
    const { outbox, receiver } = socket.data;
    if (outbox === undefined) return;
    socket.data = { outbox: undefined, receiver: undefined };
    connections -= 1;
    outbox.gone();
    receiver?.closed();
    if (connections === 0) emptied();
  };

  const bind = (): { server: Bun.UnixSocketListener<Seat>; identity: string | undefined } => {
    const beside = isPipe(parts.path) ? parts.path : `${parts.path}~`;
    // What is no socket of ours is nothing to unlink or to move one onto.
    if (checkSocket(beside, parts.uid) && !isPipe(parts.path)) removeIfThere(beside);
    checkSocket(parts.path, parts.uid);
    const before = process.umask(0o177);
    try {
      const server = Bun.listen<Seat>({
        unix: beside,
        data: { outbox: undefined, receiver: undefined },
        socket: {
          open: admit,
          data: (socket, chunk) => socket.data.receiver?.data(chunk),
          drain: (socket) => socket.data.outbox?.flush(),
          end: (socket) => void socket.end(),
          close: leave,
          error: leave,
        },
      });
      if (isPipe(parts.path)) return { server, identity: undefined };
      try {
        renameSync(beside, parts.path);
      } catch (error) {
        // Who tries every second must not keep an open socket of each try.
        server.stop(true);
        throw error;
      }
      return { server, identity: fileIdentity(parts.path) };
    } finally {
      process.umask(before);
    }
  };

  let bound = bind();
  const intact = (): boolean => isPipe(parts.path) || fileIdentity(parts.path) === bound.identity;
  return {
    get connections() {
      return connections;
    },
    intact,
    rebind: () => {
      const former = bound.server;
      bound = bind();
      former.stop(false);
    },
    close: () => {
      if (intact() && !isPipe(parts.path)) removeIfThere(parts.path);
      bound.server.stop(false);
    },
    // A socket's words are with the system at once. Of a pipe's, Bun keeps all after the first until that one
    // is written, and a process that ends takes them along: `daemon stop` had no answer (seen under Wine).
    written: () =>
      new Promise((resolve) => {
        if (!isPipe(parts.path) || connections === 0) return resolve();
        const timer = setTimeout(resolve, WRITTEN_MS);
        emptied = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

function refusal(socket: object, connections: number, parts: ListenParts): Failure | undefined {
  const user = parts.uid === undefined ? undefined : peerUser(socket);
  if (user !== undefined && user !== parts.uid && user !== 0)
    return new Failure('not_allowed', `wanted a session of user ${parts.uid}, found one of user ${user}`);
  if (connections <= parts.maxConnections || hasRoom(connections, parts)) return undefined;
  return full(parts.maxConnections);
}

/** Those who gave up their place linger as those who were refused do, and are as few. */
function hasRoom(connections: number, { maxConnections, makeRoom }: ListenParts): boolean {
  return connections <= maxConnections + MAX_REFUSED && makeRoom?.() === true;
}

export function full(maxConnections: number): Failure {
  return new Failure('busy', `wanted at most ${maxConnections} sessions at once; one more came`);
}
