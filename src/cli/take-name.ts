/** Taking a name and writing it down where later commands of this shell or session find it. */
import { Failure } from '../protocol/failures.ts';
import { isName, type AgentName } from '../protocol/names.ts';
import type { Input, Output } from '../protocol/operations.ts';
import { randomKey } from '../system/ids.ts';
import { bind, readBinding, readKey, storeKey } from '../system/keys.ts';
import { waitForLock } from '../system/lock.ts';
import type { Session } from './session.ts';

type Wish = Omit<Input<'register'>, 'key' | 'name' | 'anchor' | 'hold'>;

const PATIENCE_MS = 10_000;

/** The name wished for, or the one the daemon suggests when a live session holds it; none: `agent-N`. */
export async function takeName(
  session: Session,
  wish: Wish,
  name: AgentName | undefined,
): Promise<Output<'register'>> {
  const { paths, identity } = session;
  const key = (name === undefined ? undefined : readKey(paths, name)) ?? randomKey();
  const anchor = identity.binding?.anchor;
  try {
    const registered = await session.operations.register({
      ...wish,
      key,
      ...(name === undefined ? {} : { name }),
      ...(anchor === undefined ? {} : { anchor }),
    });
    const own = registered.name as AgentName;
    storeKey(paths, own, key);
    if (identity.binding !== undefined) bind(paths, identity.binding, own);
    return registered;
  } catch (error) {
    const live = error instanceof Failure && error.code === 'name_live';
    const next = live ? error.details?.['suggestion'] : undefined;
    if (typeof next !== 'string' || !isName(next) || next === name) throw error;
    return takeName(session, wish, next);
  }
}

/**
 * An agent program's session that has no name yet becomes `agent-N`. Under a lock: programs run
 * commands side by side, and two names would part a question from its answer.
 */
export async function nameSession(session: Session, say: (text: string) => void): Promise<void> {
  const { paths, identity } = session;
  using lock = await waitForLock(`${paths.home}/naming.lock`, { milliseconds: PATIENCE_MS });
  if (lock === undefined)
    throw new Failure('busy', 'another command has been naming this session for too long');
  const named = identity.binding === undefined ? undefined : readBinding(paths, identity.binding);
  if (named !== undefined && isName(named)) return;
  const { name } = await takeName(session, { kind: identity.kind }, undefined);
  say(`this session of ${identity.client} is ${name} now; ipc rename <name> gives it another`);
}
