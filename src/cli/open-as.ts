/** Sessions with the daemon that a long-lived process opens for others, each acting for one agent of this home. */
import type { AgentName } from '../protocol/names.ts';
import { isName, nameKey } from '../protocol/names.ts';
import type { Operations } from '../protocol/operations.ts';
import type { Caller } from '../protocol/wire.ts';
import { clientOf } from '../rpc/client-of.ts';
import { credentialOf } from '../system/identity.ts';
import { copyKey } from '../system/keys.ts';
import { renameInTokens } from '../system/tokens.ts';
import type { World } from './call.ts';

interface Acting extends Pick<Caller, 'kind' | 'client' | 'unverified'> {
  readonly agent: AgentName;
  /** When it does not lie among the keys of the home. */
  readonly key?: string;
}

export interface ActingClient {
  readonly operations: Operations;
  close(): Promise<void>;
}

/** Throws `credential_refused` and its like when the name is not this home's to act for. */
export async function openAs({ environment, paths }: World, acting: Acting): Promise<ActingClient> {
  const { agent, key, ...facts } = acting;
  const client = clientOf(
    { environment, paths },
    {
      caller: { ...facts, pid: environment.pid },
      credential: key === undefined ? credentialOf(paths, agent) : { name: agent, key },
      // While the agent's own session is here its mail is for that one to take: these only look (design §5).
      borrowed: true,
    },
  );
  try {
    const { agent: now } = await client.welcome();
    // It was renamed elsewhere: while the old name forwards, key and tokens move on with it.
    if (now !== undefined && isName(now) && nameKey(now) !== nameKey(agent)) {
      copyKey(paths, agent, now);
      await renameInTokens(paths, agent, now);
    }
    return { operations: client.operations, close: () => client.close() };
  } catch (error) {
    await client.close();
    throw error;
  }
}
