/**
 * A session that stays and holds a name for as long as it lives: an MCP server's. Which name, and under
 * what the hooks and commands of the same session find it, is design §5.
 */
import { Failure } from '../../protocol/failures.ts';
import type { Door, MessageId } from '../../protocol/model.ts';
import { parseOwnName, type AgentName } from '../../protocol/names.ts';
import type { Operations, Output } from '../../protocol/operations.ts';
import type { Client } from '../../rpc/client.ts';
import { clientOf } from '../../rpc/client-of.ts';
import { servedProcess, serverSession, type ClientSession } from '../../system/clients.ts';
import { pause } from '../../system/clock.ts';
import { prepareHome } from '../../system/home.ts';
import { credentialOf, identify, type Identity } from '../../system/identity.ts';
import { messageId, randomUuid } from '../../system/ids.ts';
import {
  bindAll,
  boundProcesses,
  readBinding,
  readKey,
  servedBy,
  sessionBinding,
  type Binding,
} from '../../system/keys.ts';
import type { Paths } from '../../system/paths.ts';
import { anchorOf, systemProcesses } from '../../system/processes.ts';
import { renaming } from '../../system/renamed.ts';
import type { Call } from '../call.ts';
import { projectOf } from '../project.ts';
import { nameNote } from './held-words.ts';
import { namingLock, standingFor, takeName } from './take-name.ts';

export interface Wish {
  /** The name a set-up gave; `--as` of the command when absent. */
  readonly as?: string | undefined;
  /** What this session keeps open beside its streams. */
  readonly doors?: readonly Door[];
  /** How the client calls itself, for one that is not known by its process. */
  readonly client?: string | undefined;
}

type Registered = Output<'register'>;
type Claim = Parameters<typeof takeName>[1];

export interface Held {
  readonly operations: Operations;
  /** As it is now: after `rename` the new one. */
  readonly name: string;
  /** What the daemon answered when the name was taken. */
  readonly registered: Registered;
  /** Facts about the name that a model should know; empty when there are none. */
  readonly note: string;
  readonly identity: Identity;
  readonly reader: string;
  messageId(): MessageId;
  /**
   * True: it acts under another name from now on. A hook found out which session this is (Codex tells
   * its servers nothing), or a command renamed it. To be asked before each call; costs a small file.
   */
  follow(): Promise<boolean>;
  /** The id of the client's session it serves: the environment's, or what a hook of that session said. */
  session(): string | undefined;
  /** A name this user owns already, and its mailbox; another one when a live session holds it. */
  take(name: AgentName): Promise<Registered>;
  /** Whether this user owns the name. */
  owns(name: AgentName): boolean;
  /** A rename through this session must reach its hooks and commands too. */
  rename(name: string): Promise<Output<'rename'>>;
  close(): Promise<void>;
}

/** A server that is being replaced goes within a second: so long it writes the answers under way. */
const REPLACED_MS = 1_500;
const LOOK_MS = 50;

export async function holdName(call: Pick<Call, 'world' | 'as'>, wish: Wish): Promise<Held> {
  const { environment, paths } = call.world;
  prepareHome(paths, environment);
  const session = serverSession(environment, wish.client);
  using _lock = await namingLock(paths);
  const identity = { ...identify(paths, environment, { told: wish.as ?? call.as, session }) };
  const wanted = wantedName(identity);
  const client = clientFor(call, identity);
  const opened = { operations: client.operations, identity, paths };
  const request: Claim = { kind: 'agent', hold: true, doors: [...(wish.doors ?? [])] };
  try {
    // This session's own server, before or beside this one: wait for it to go, or join it.
    if (wanted !== undefined && identity.how !== 'as') {
      const found = await whenReplaced(client.operations, { name: wanted, session, paths });
      if (found === 'beside') {
        await client.close();
        return await beside(call, { identity, session }, wanted);
      }
    }
    const registered = await takeName(opened, request, wanted);
    return held(call, client, { identity, session, registered, request });
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** A person's name, or what a shell registered, is not a server's. */
function wantedName({ how, name }: Identity): AgentName | undefined {
  return how === 'user' || how === 'shell' ? undefined : name;
}

function clientFor({ world }: Pick<Call, 'world'>, identity: Identity, name?: AgentName): Client {
  const { environment, paths } = world;
  const { directory, pid } = environment;
  const { client, program } = identity;
  const caller = { client, kind: 'agent', pid, directory, ...projectOf(directory) } as const;
  return clientOf(
    { environment, paths },
    {
      caller: program === undefined ? caller : { ...caller, program },
      credential: name === undefined ? undefined : credentialOf(paths, name),
    },
  );
}

/** `beside`: another server of the very same session holds the name. Else `takeName` decides whose it is. */
async function whenReplaced(
  operations: Operations,
  { name, session, paths }: { name: AgentName; session: ClientSession; paths: Paths },
): Promise<'beside' | 'alone'> {
  const end = performance.now() + REPLACED_MS;
  for (;;) {
    const pids = await holders(operations, name);
    if (pids.length === 0) return 'alone';
    const own = session.process;
    const same = own !== undefined && pids.some((pid) => servedProcess(pid)?.pid === own.pid);
    if (!same && !isOrphaned(paths, name)) return 'alone';
    // Without an id nobody can say that two servers of one process serve one session.
    if (performance.now() > end) return !same || session.id === undefined ? 'alone' : 'beside';
    await pause(LOOK_MS);
  }
}

/** The client whose server has the name ended a moment ago: its server is about to see that. */
function isOrphaned(paths: Paths, name: AgentName): boolean {
  const clients = boundProcesses(paths, name);
  return clients.length > 0 && !clients.some((client) => systemProcesses.alive(client));
}

/** Processes of the servers that hold a name. */
export async function holders(operations: Operations, name: string): Promise<readonly number[]> {
  try {
    const { agents } = await operations.who({ name });
    const sessions = agents.flatMap((agent) => agent.sessions);
    return sessions.filter(({ role }) => role === 'holder').map(({ pid }) => pid ?? 0);
  } catch (error) {
    if (error instanceof Failure && error.code === 'no_such_agent') return [];
    throw error;
  }
}

async function beside(
  call: Pick<Call, 'world'>,
  { identity, session }: { identity: Identity; session: ClientSession },
  name: AgentName,
): Promise<Held> {
  const client = clientFor(call, identity, name);
  const { agents } = await client.operations.who({});
  const you = agents.find((agent) => agent.you);
  const registered: Registered = {
    name,
    created: false,
    waiting: you?.waiting ?? 0,
    held: you?.held ?? 0,
    others: agents.filter((agent) => !agent.you).map((agent) => agent.name),
  };
  return held(call, client, { identity, session, registered, request: undefined });
}

function held(
  { world }: Pick<Call, 'world'>,
  client: Client,
  {
    identity,
    session,
    registered,
    request,
  }: {
    identity: Identity;
    session: ClientSession;
    registered: Registered;
    /** How the name is held; undefined for a server beside the holder. */
    request: Claim | undefined;
  },
): Held {
  const { environment, paths } = world;
  const { operations } = client;
  const { bindings, told } = identity;
  let name = registered.name;
  let refused: string | undefined;
  const server = session.id === undefined ? anchorOf(environment.pid) : undefined;
  const served = (): string | undefined => (server === undefined ? session.id : servedBy(paths, server));
  const own = (): Binding | undefined => {
    const id = server === undefined ? undefined : served();
    // The process runs other sessions too: what is bound to it need not be this one's.
    if (id !== undefined) return sessionBinding(session.client, id);
    return bindings.find(({ kind }) => kind === 'process') ?? bindings[0];
  };
  return {
    operations,
    get name() {
      return name;
    },
    registered,
    note: nameNote({ asked: told, name: registered.name }),
    identity,
    reader: randomUuid(),
    messageId: () => messageId() as MessageId,
    follow: async () => {
      const binding = own();
      const bound = binding === undefined ? undefined : readBinding(paths, binding);
      if (bound === undefined || bound.asked !== told) return false;
      if (bound.name === name || bound.name === refused || request === undefined) return false;
      const key = readKey(paths, bound.name);
      if (key === undefined) return false;
      try {
        const anchor = standingFor(identity);
        await operations.register({
          ...request,
          name: bound.name,
          key,
          ...(anchor === undefined ? {} : { anchor }),
        });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        refused = bound.name;
        return false;
      }
      name = bound.name;
      return true;
    },
    session: served,
    take: async (wanted) => {
      const claim: Claim = request ?? { kind: 'agent' };
      const taken = await takeName({ operations, identity, paths }, claim, wanted);
      name = taken.name;
      return taken;
    },
    owns: (wanted) => readKey(paths, wanted) !== undefined,
    rename: async (to) => {
      const wanted = parseOwnName(to);
      const names = { from: name, to: wanted };
      const renamed = await renaming(paths, names, () => operations.rename({ name: wanted }));
      name = renamed.to;
      const binding = own();
      const all = binding === undefined || bindings.includes(binding) ? bindings : [...bindings, binding];
      bindAll(paths, all, { name: renamed.to as AgentName, asked: told });
      return renamed;
    },
    close: () => client.close(),
  };
}
