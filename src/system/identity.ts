/** Who a command acts as (design §5): asked for, told by the environment, bound, or the user. */
import { Failure } from '../protocol/failures.ts';
import { isReserved, nameKey, parseOwnName, type AgentName } from '../protocol/names.ts';
import type { Caller, Credential } from '../protocol/wire.ts';
import { clientSession, type ClientSession } from './clients.ts';
import { type Environment, variable } from './environment.ts';
import {
  type Binding,
  type Bound,
  processBinding,
  readBinding,
  readKey,
  readOrMakeKey,
  removeKey,
  sessionBinding,
  shellBinding,
} from './keys.ts';
import type { Paths } from './paths.ts';
import { hasControllingTerminal, shellAnchor } from './processes.ts';

export interface Identity {
  /** By what it was decided: `--as`, IPC_AGENT, the client's session, this shell's binding, the user. */
  readonly how: 'as' | 'variable' | 'session' | 'shell' | 'user';
  /** Undefined: a client's session that has no name yet; `register` gives it one. */
  readonly name: AgentName | undefined;
  /** The name came from `--as`. */
  readonly borrowed: boolean;
  readonly kind: Exclude<Caller['kind'], 'kernel' | 'webhook'>;
  /** The agent program this runs under, or `cli`. */
  readonly client: string;
  /** Tells its sessions apart, whatever names they act under; undefined: no agent program's. */
  readonly program: string | undefined;
  /** The name that was told, by IPC_AGENT or by who set the client up; another may have been given. */
  readonly told: string | undefined;
  /** Where a `register` of this process writes its name down, so that later commands find it. */
  readonly bindings: readonly Binding[];
}

export interface Acting {
  /** The name of `--as`. */
  readonly as?: string | undefined;
  /** The name a set-up gave this session: told as IPC_AGENT tells it, and before that. */
  readonly told?: string | undefined;
  /** Which session this is, where it is known better than from the environment. */
  readonly session?: ClientSession | undefined;
}

/** Throws `invalid_name` when a name was asked for that nobody can have. */
export function identify(paths: Paths, environment: Environment, acting: Acting = {}): Identity {
  const session = acting.session ?? clientSession(environment);
  const told = acting.told ?? variable(environment, 'IPC_AGENT');
  const found = decide(paths, { environment, session, told, as: acting.as });
  return {
    ...found,
    told,
    borrowed: found.how === 'as',
    // What an agent does under the person's own name must not make that name an agent's for good.
    kind: found.how === 'user' && session !== undefined ? 'script' : kindOf(session, environment),
    client: session?.client ?? 'cli',
    get program() {
      return session === undefined ? undefined : programOf(session);
    },
    // Looked for when it is asked for: a command whose name was told has no use for it.
    get bindings() {
      return bindingsOf(session, environment);
    },
  };
}

function programOf(session: ClientSession): string | undefined {
  const { client, id } = session;
  if (id !== undefined) return `${client} ${id}`;
  const { process } = session;
  return process === undefined ? undefined : `${client} ${process.pid} ${process.startedAt}`;
}

function decide(
  paths: Paths,
  {
    environment,
    session,
    told,
    as,
  }: {
    environment: Environment;
    session: ClientSession | undefined;
    told: string | undefined;
    as: string | undefined;
  },
): Pick<Identity, 'how' | 'name'> {
  if (as !== undefined) return { how: 'as', name: parseOwnName(as) };
  if (told !== undefined) {
    const name = ownName(told, 'IPC_AGENT');
    // A live session held that name, and this one was given another: its commands act as that one.
    const given = session === undefined ? undefined : boundTo(paths, session);
    if (given?.asked !== undefined && nameKey(given.asked) === nameKey(name))
      return { how: 'session', name: given.name };
    return { how: 'variable', name };
  }
  const name = session === undefined ? undefined : boundTo(paths, session)?.name;
  // An agent nobody named must not act as the person it works for.
  if (name !== undefined || session?.id !== undefined) return { how: 'session', name };
  const shell = boundShell(paths, environment);
  if (shell !== undefined) return { how: 'shell', name: shell.name };
  return { how: 'user', name: userName(environment) };
}

/** Its id comes first: after a resume the process is another, after `/clear` the id is. */
function boundTo(paths: Paths, session: ClientSession): Bound | undefined {
  const { client, id } = session;
  const named = id === undefined ? undefined : readBinding(paths, sessionBinding(client, id));
  if (named !== undefined) return named;
  const { process } = session;
  return process === undefined ? undefined : readBinding(paths, processBinding(process));
}

function boundShell(paths: Paths, environment: Environment): Bound | undefined {
  const shell = shellAnchor(environment);
  return shell === undefined ? undefined : readBinding(paths, shellBinding(shell));
}

export interface HeldCredential extends Credential {
  /** Takes the key away again if it was made for this very hello and the daemon refused the name. */
  readonly discard: () => void;
}

/** The credential of a name; its key is made when there is none. */
export function credentialOf(paths: Paths, name: AgentName): HeldCredential {
  const { key, fresh } = readOrMakeKey(paths, name);
  return {
    name,
    key,
    discard: () => {
      if (fresh) removeKey(paths, name, key);
    },
  };
}

/** Whether this user holds the key of a name. */
export function holdsKey(paths: Paths, name: AgentName): boolean {
  return readKey(paths, name) !== undefined;
}

/** `$USER`, made a legal name. */
export function userName(environment: Environment): AgentName {
  const raw =
    variable(environment, 'USER') ??
    variable(environment, 'LOGNAME') ??
    variable(environment, 'USERNAME') ??
    accountName();
  const legal = raw
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 59);
  const name = legal === '' ? `user-${environment.uid ?? 0}` : isReserved(legal) ? `user-${legal}` : legal;
  return parseOwnName(name);
}

/** The user's own commands act under that name: an agent that took it would have the user's mailbox, and speak as them. */
export function refuseUserName(environment: Environment, name: AgentName): void {
  if (nameKey(name) !== nameKey(userName(environment))) return;
  throw new Failure('name_taken', `wanted a name for an agent, found ${name}: that is the user's own`);
}

/** What the system calls the user, for those whose environment was scrubbed. */
function accountName(): string {
  try {
    const os = import.meta.require('node:os') as typeof import('node:os');
    return os.userInfo().username;
  } catch {
    return '';
  }
}

/**
 * A person only where one can be: at a terminal, with no agent program above. What an agent program
 * runs is the agent's doing.
 */
function kindOf(session: ClientSession | undefined, environment: Environment): Identity['kind'] {
  if (session !== undefined) return 'agent';
  return hasControllingTerminal(environment) ? 'human' : 'script';
}

function bindingsOf(session: ClientSession | undefined, environment: Environment): readonly Binding[] {
  const { client = '', id, process } = session ?? {};
  const own = [
    ...(id === undefined ? [] : [sessionBinding(client, id)]),
    ...(process === undefined ? [] : [processBinding(process)]),
  ];
  if (own.length > 0) return own;
  const shell = shellAnchor(environment);
  return shell === undefined ? [] : [shellBinding(shell)];
}

function ownName(text: string, where: string): AgentName {
  try {
    return parseOwnName(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${where}: ${error.message}`, { hint: `unset ${where}` });
  }
}
