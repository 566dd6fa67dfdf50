/**
 * The common opening of every verb: who I am, and the client of the daemon that acts for that name. The
 * connection comes with the first call, so that hello and request leave in one write.
 */
import { Failure } from '../protocol/failures.ts';
import type { MessageId } from '../protocol/model.ts';
import type { Operations } from '../protocol/operations.ts';
import type { Caller } from '../protocol/wire.ts';
import type { Client } from '../rpc/client.ts';
import { clientOf } from '../rpc/client-of.ts';
import type { Environment } from '../system/environment.ts';
import {
  credentialOf,
  holdsKey,
  identify,
  type Acting,
  type HeldCredential,
  type Identity,
} from '../system/identity.ts';
import { messageId, randomUuid } from '../system/ids.ts';
import type { Paths } from '../system/paths.ts';
import { checkHome, prepareHome } from '../system/home.ts';

export interface SessionNeeds {
  /**
   * `needed`: acts for a name, taking `agent-N` for an agent program's session that has none.
   * `named`: acts for the name there is, if there is one. `held`: only for a name this user owns
   * already, so that looking makes no agent. `none`: for nobody yet.
   */
  readonly agent?: 'needed' | 'named' | 'held' | 'none';
  /** `existing`: a daemon that is not running is reported, not started. */
  readonly start?: 'absent' | 'existing';
  /** It stays a while: others should see what it works on. */
  readonly stays?: true;
}

export interface Session extends AsyncDisposable {
  readonly client: Client;
  readonly operations: Operations;
  readonly identity: Identity;
  readonly paths: Paths;
  /** Who leases; one for the life of the process. */
  readonly reader: string;
  messageId(): MessageId;
}

interface Around {
  readonly environment: Environment;
  readonly paths: Paths;
}

interface Surroundings extends Acting {
  readonly say: (text: string) => void;
  /** What can be done while the daemon works on the first call. */
  readonly meanwhile: () => void;
}

let reader: string | undefined;

export async function openSession(
  { environment, paths }: Around,
  needs: SessionNeeds & Surroundings,
): Promise<Session> {
  // Before keys are made in it: a home that came with them would have got the umask's mode.
  if (needs.start === 'existing') checkHome(paths, environment);
  else prepareHome(paths, environment);
  const identity = identify(paths, environment, needs);
  const client = clientOf(
    { environment, paths, start: needs.start },
    {
      caller: await callerOf(identity, environment, needs),
      credential: credentialFor(identity, paths, needs),
      borrowed: identity.borrowed,
      meanwhile: needs.meanwhile,
    },
  );
  const session: Session = {
    client,
    operations: client.operations,
    identity,
    paths,
    get reader() {
      return (reader ??= randomUuid());
    },
    messageId: () => messageId() as MessageId,
    [Symbol.asyncDispose]: () => client.close(),
  };
  if (identity.name !== undefined || (needs.agent ?? 'needed') !== 'needed') return session;
  const { nameSession } = await import('./naming/take-name.ts');
  await nameSession(session, needs.say);
  await client.close();
  return openSession({ environment, paths }, needs);
}

function credentialFor(
  identity: Identity,
  paths: Paths,
  { agent }: SessionNeeds,
): HeldCredential | undefined {
  const { name } = identity;
  if (name === undefined || agent === 'none') return undefined;
  if (agent === 'held' && !holdsKey(paths, name)) return undefined;
  return credentialOf(paths, name);
}

async function callerOf(identity: Identity, environment: Environment, needs: SessionNeeds): Promise<Caller> {
  const { client, kind, program } = identity;
  const { directory, pid } = environment;
  const caller = { client, kind, pid, directory, ...(program === undefined ? {} : { program }) };
  if (needs.stays !== true) return caller;
  const { projectOf } = await import('./project.ts');
  return { ...caller, ...projectOf(directory) };
}

/** Nobody runs there; a daemon that is there and does not answer is another matter. */
export function isNotRunning(error: unknown): boolean {
  return (
    error instanceof Failure && error.code === 'daemon_unavailable' && error.details?.['silent'] !== true
  );
}
