/** The daemon's door: takes connections, gives each a session, and at the end lets them finish. */
import { listen } from './listen.ts';
import { ServerSession, type SessionParts } from './server-session.ts';
import { Turns } from './turns.ts';

export interface ServerParts extends Omit<SessionParts, 'greeted' | 'turns'> {
  readonly path: string;
  readonly uid: number | undefined;
  readonly maxConnections: number;
}

export interface Server {
  readonly connections: number;
  /** Sessions there ever were: tells whether anybody came since it was last read. */
  readonly taken: number;
  /** Whether the socket at its path is still its own; takes the place again when `repair` is called. */
  readonly intact: () => boolean;
  readonly repair: () => void;
  /** Hangs up on the newest sessions until so many are left. */
  shed(most: number): void;
  /** Takes nothing new, lets calls under way finish for so long, and closes every session. */
  stop(graceMs: number): Promise<void>;
}

export function startServer(parts: ServerParts): Server {
  const sessions = new Set<ServerSession>();
  const turns = new Turns(parts.turn);
  let taken = 0;
  let stopping = false;
  const listener = listen({
    path: parts.path,
    uid: parts.uid,
    get maxConnections() {
      return parts.maxConnections;
    },
    after: parts.after,
    turn: parts.turn,
    accept: (connection, greeted) => {
      const left = (session: ServerSession): void => void sessions.delete(session);
      const session = new ServerSession(connection, { ...parts, turns, greeted }, left);
      sessions.add(session);
      taken += 1;
      // It came before and spoke after the door was closed.
      if (stopping) void session.drain(0);
      return session;
    },
  });
  return {
    get connections() {
      return listener.connections;
    },
    get taken() {
      return taken;
    },
    intact: listener.intact,
    repair: listener.rebind,
    shed: (most) => {
      for (const session of [...sessions].slice(most)) session.shed();
    },
    stop: async (graceMs) => {
      stopping = true;
      listener.close();
      await Promise.all([...sessions].map((session) => session.drain(graceMs)));
      await listener.written();
    },
  };
}
