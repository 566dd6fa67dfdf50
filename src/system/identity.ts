/** Who a command acts as (design §5): asked for, told by the environment, bound, or the user. */
import { Failure } from '../protocol/failures.ts';
import { isName, isReserved, parseOwnName, type AgentName } from '../protocol/names.ts';
import type { Caller, Credential } from '../protocol/wire.ts';
import { clientSession, type ClientSession } from './clients.ts';
import { type Environment, variable } from './environment.ts';
import {
  type Binding,
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
  readonly kind: Caller['kind'];
  /** The agent program this runs under, or `cli`. */
  readonly client: string;
  /** Where a `register` of this process writes its name down, so that later commands find it. */
  readonly binding: Binding | undefined;
}

/** Throws `invalid_name` when a name was asked for that nobody can have. */
export function identify(paths: Paths, environment: Environment, as?: string): Identity {
  const session = clientSession(environment);
  const found = decide(paths, { environment, session, as });
  return {
    ...found,
    borrowed: found.how === 'as',
    // What an agent does under the person's own name must not make that name an agent's for good.
    kind: found.how === 'user' && session !== undefined ? 'script' : kindOf(session, environment),
    client: session?.client ?? 'cli',
    // Looked for when it is asked for: a command whose name was told has no use for it.
    get binding() {
      return bindingOf(session, environment);
    },
  };
}

function decide(
  paths: Paths,
  {
    environment,
    session,
    as,
  }: { environment: Environment; session: ClientSession | undefined; as: string | undefined },
): Pick<Identity, 'how' | 'name'> {
  if (as !== undefined) return { how: 'as', name: parseOwnName(as) };
  const told = variable(environment, 'IPC_AGENT');
  if (told !== undefined) return { how: 'variable', name: ownName(told, 'IPC_AGENT') };
  const binding = bindingOf(session, environment);
  const bound = binding === undefined ? undefined : readBinding(paths, binding);
  const name = bound !== undefined && isName(bound) ? bound : undefined;
  // An agent nobody named must not act as the person it works for.
  if (session?.id !== undefined) return { how: 'session', name };
  if (name !== undefined) return { how: 'shell', name };
  return { how: 'user', name: userName(environment) };
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
function kindOf(session: ClientSession | undefined, environment: Environment): Caller['kind'] {
  if (session !== undefined) return 'agent';
  return hasControllingTerminal(environment) ? 'human' : 'script';
}

function bindingOf(session: ClientSession | undefined, environment: Environment): Binding | undefined {
  if (session?.id !== undefined) return sessionBinding(session.client, session.id);
  const shell = shellAnchor(environment);
  return shell === undefined ? undefined : shellBinding(shell);
}

function ownName(text: string, where: string): AgentName {
  try {
    return parseOwnName(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${where}: ${error.message}`, { hint: `unset ${where}` });
  }
}
