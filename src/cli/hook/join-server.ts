/**
 * A session of a client program and the server that works for it must act under one name (design §5). The
 * hook knows the session, the server knows who it is; where no server is told its session, they meet here.
 */
import type { AgentName } from '../../protocol/names.ts';
import type { Operations } from '../../protocol/operations.ts';
import { clientProcess, servedProcess, type ClientSession } from '../../system/clients.ts';
import {
  bind,
  type Bound,
  noteServed,
  processBinding,
  readBinding,
  servedBy,
  sessionBinding,
} from '../../system/keys.ts';
import { anchorOf, type Anchor } from '../../system/processes.ts';
import type { Call } from '../call.ts';
import type { Session } from '../session.ts';

interface Server {
  readonly name: string;
  readonly anchor: Anchor;
  readonly since: number;
}

/** A thread is made moments before its server; one much older was resumed. */
const FRESH_MS = 60_000;

export async function joinServer(
  { operations, identity }: Session,
  call: Call,
  session: ClientSession,
): Promise<void> {
  const { client, id, process } = session;
  if (id === undefined || process === undefined) return;
  const { paths } = call.world;
  const server = client === 'codex' ? await serverOf(operations, call, { id, process }) : undefined;
  if (server === undefined) return joinProcess(operations, call, { client, id, process });
  noteServed(paths, server.anchor, id);
  const own = sessionBinding(client, id);
  const mine = readBinding(paths, own);
  if (mine?.name === server.name) return;
  // It was resumed: the server follows to its name, unless that is in use elsewhere.
  if (mine !== undefined && !(await isHeldBeside(operations, mine, server.anchor.pid))) return;
  bind(paths, own, { name: server.name as AgentName, asked: identity.told });
}

/**
 * Which of the servers below Codex's process is this session's. The id of a thread says when it was made
 * (UUIDv7), and its server is started then.
 */
async function serverOf(
  operations: Operations,
  { world }: Call,
  { id, process }: { id: string; process: Anchor },
): Promise<Server | undefined> {
  const servers = await serversBelow(operations, process);
  const served = servers.map((server) => ({ server, by: servedBy(world.paths, server.anchor) }));
  const known = served.find(({ by }) => by === id)?.server;
  if (known !== undefined) return known;
  const free = served.filter(({ by }) => by === undefined).map(({ server }) => server);
  // A client that went on to another session with the same server.
  if (free.length === 0) return servers.length === 1 ? servers[0] : undefined;
  const made = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  const apart = ({ since }: Server): number => Math.abs(since - made);
  const fresh = free.filter((server) => apart(server) < FRESH_MS).toSorted((a, b) => apart(a) - apart(b));
  return fresh[0] ?? free.toSorted((a, b) => b.since - a.since)[0];
}

async function serversBelow(operations: Operations, process: Anchor): Promise<readonly Server[]> {
  const { agents } = await operations.who({});
  const found: Server[] = [];
  for (const { name, sessions } of agents)
    for (const { role, client, pid = 0, since } of sessions) {
      if (role !== 'holder' || client !== 'codex' || clientProcess(pid)?.pid !== process.pid) continue;
      const anchor = anchorOf(pid);
      if (anchor !== undefined) found.push({ name, anchor, since: Date.parse(since) });
    }
  return found;
}

/**
 * Both the session and its process lead to one name from here on. After a resume the session has one of
 * its own, and the server, which nobody told which session it serves, follows it.
 */
async function joinProcess(
  operations: Operations,
  call: Call,
  { client, id, process }: { client: string; id: string; process: Anchor },
): Promise<void> {
  const { paths } = call.world;
  const [own, shared] = [sessionBinding(client, id), processBinding(process)];
  const [mine, its] = [readBinding(paths, own), readBinding(paths, shared)];
  if (mine === undefined && its !== undefined) return bind(paths, own, its);
  if (mine === undefined || mine.name === its?.name) return;
  if (its !== undefined && (await isElsewhere(operations, mine, process))) return bind(paths, own, its);
  bind(paths, shared, mine);
}

/** Another process goes on with the very session: it has the name. */
async function isElsewhere(operations: Operations, { name }: Bound, process: Anchor): Promise<boolean> {
  const { holders } = await import('../naming/hold-name.ts');
  const pids = await holders(operations, name);
  return pids.some((pid) => servedProcess(pid)?.pid !== process.pid);
}

async function isHeldBeside(operations: Operations, { name }: Bound, server: number): Promise<boolean> {
  const { holders } = await import('../naming/hold-name.ts');
  return (await holders(operations, name)).some((pid) => pid !== server);
}
