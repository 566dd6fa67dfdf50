/**
 * The daemon's end of the socket. The socket is bound beside its place and moved there: it appears
 * with its final mode, takes a stale one's place in one step, and Bun's own `stop()`, which unlinks
 * the path it bound even when a newer daemon's socket is there, unlinks nothing (design §3.2).
 */
import { renameSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { checkSocket } from '../system/contents.ts';
import { fileIdentity, removeIfThere } from '../system/files.ts';
import { isPipe } from '../system/paths.ts';
import type { Connection, Receiver } from './connection.ts';
import { toRpcError } from './faults.ts';
import { Outbox } from './outbox.ts';
import { peerProcess } from './peer-process.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface ListenParts {
  readonly path: string;
  readonly maxConnections: number;
  /** Whose connections are taken; undefined: the system cannot tell users apart. */
  readonly uid: number | undefined;
  /** Called when the first bytes came; `greeted` is to be called when it has said hello. */
  readonly accept: (connection: Connection, greeted: () => void) => Receiver;
  readonly after: (milliseconds: number, run: () => void) => () => void;
  /** Runs something in the next turn of the event loop. */
  readonly turn: (run: () => void) => void;
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

const REFUSED_MS = 1_000;

/**
 * The system lets 512 wait at a socket (Bun's backlog). Who are more in one turn came while others were taken, and as
 * long as such come the runtime takes them and looks at nothing else: eight that connect and leave, as fast as they
 * can on a core of their own, kept every session unheard for as long as they went on (seen: a minute and more).
 */
const MOST_A_TURN = 600;

/** A connection that says nothing is not kept; what it begins to say has as long again. */
export const HELLO_MS = 5_000;

/** A place without a session until the first byte comes: of a crowd that says nothing each costs little. */
interface Seat {
  process: number;
  /** Why it gets no session. */
  refused: Failure | undefined;
  outbox: Outbox | undefined;
  receiver: Receiver | undefined;
  callOff: (() => void) | undefined;
}

const nobody = (): Seat => ({
  process: 0,
  refused: undefined,
  outbox: undefined,
  receiver: undefined,
  callOff: undefined,
});

export function listen(parts: ListenParts): Listener {
  let connections = 0;
  let emptied = (): void => undefined;
  let lingering = 0;
  const waiting = new WaitingRoom<Bun.Socket<Seat>>();

  let taken = 0;
  /** The runtime leaves a socket that was closed: the next one is its equal, at the same place, and has its own turn. */
  const letOthersGoOn = (): void => {
    taken += 1;
    if (taken === 1) parts.turn(() => (taken = 0));
    if (taken !== MOST_A_TURN || isPipe(parts.path)) return;
    try {
      rebind();
    } catch {
      // A place that cannot be taken anew is looked after by who repairs it, and tells.
    }
  };

  const admit = (socket: Bun.Socket<Seat>): void => {
    connections += 1;
    letOthersGoOn();
    const peer = parts.uid === undefined ? undefined : peerProcess(socket);
    const seat: Seat = { ...nobody(), process: peer?.pid ?? 0, outbox: new Outbox(socket) };
    socket.data = seat;
    if (peer !== undefined && peer.user !== parts.uid && peer.user !== 0)
      return refuse(socket, foreigner(parts.uid, peer.user));
    if (connections > parts.maxConnections) {
      const oldest = waiting.next();
      if (oldest === undefined) return refuse(socket, full(parts.maxConnections));
      dismiss(oldest, full(parts.maxConnections));
    }
    seat.callOff = parts.after(HELLO_MS, () => dismiss(socket, silent()));
    waiting.enter(seat.process, socket);
  };

  /**
   * Tells who just came why not, once it has said something: its first bytes are on their way, and to close
   * upon bytes that were not read takes the word from it too (ECONNRESET, seen on Linux).
   */
  const refuse = (socket: Bun.Socket<Seat>, why: Failure): void => {
    if (lingering >= MAX_REFUSED) return socket.terminate();
    lingering += 1;
    socket.data.refused = why;
    socket.data.callOff = parts.after(REFUSED_MS, () => dismiss(socket, why));
  };

  /** Says why and hangs up; in a storm, when too many linger until that is read, at once. */
  const dismiss = (socket: Bun.Socket<Seat>, why: Failure): void => {
    const { data: seat } = socket;
    waiting.leave(seat.process, socket);
    seat.callOff?.();
    if (connections > parts.maxConnections + MAX_REFUSED) return socket.terminate();
    seat.outbox?.send(JSON.stringify({ jsonrpc: '2.0', id: null, error: toRpcError(why) }));
    seat.outbox?.end();
  };

  const hear = (socket: Bun.Socket<Seat>, chunk: Uint8Array): void => {
    const { data: seat } = socket;
    if (seat.receiver === undefined && seat.outbox !== undefined) {
      // Dismissed, and heard all the same.
      if (seat.outbox.ending) return;
      if (seat.refused !== undefined) return dismiss(socket, seat.refused);
      seat.callOff?.();
      seat.receiver = parts.accept(seat.outbox, () => waiting.leave(seat.process, socket));
    }
    seat.receiver?.data(chunk);
  };

  const leave = (socket: Bun.Socket<Seat>): void => {
    const { outbox, receiver, callOff, refused, process: pid } = socket.data;
    if (outbox === undefined) return;
    if (refused !== undefined) lingering -= 1;
    socket.data = nobody();
    connections -= 1;
    waiting.leave(pid, socket);
    callOff?.();
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
        data: nobody(),
        socket: {
          open: admit,
          data: hear,
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
  const rebind = (): void => {
    const former = bound.server;
    bound = bind();
    former.stop(false);
  };
  return {
    get connections() {
      return connections;
    },
    intact,
    rebind,
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

function foreigner(uid: number | undefined, user: number): Failure {
  return new Failure('not_allowed', `wanted a session of user ${uid}, found one of user ${user}`);
}

function full(maxConnections: number): Failure {
  return new Failure('busy', `wanted at most ${maxConnections} sessions at once; one more came`);
}

function silent(): Failure {
  return new Failure('timed_out', `wanted a hello within ${HELLO_MS / 1_000} s`);
}
