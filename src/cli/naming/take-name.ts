/** Taking a name and writing it down where later commands of this shell or session find it. */
import { Failure } from '../../protocol/failures.ts';
import { isName, type AgentName } from '../../protocol/names.ts';
import type { Input, Output } from '../../protocol/operations.ts';
import { credentialOf, type Identity } from '../../system/identity.ts';
import { randomKey } from '../../system/ids.ts';
import { bindAll, readBinding, rebindAll, storeKey } from '../../system/keys.ts';
import { waitForLock, type Lock } from '../../system/lock.ts';
import type { Paths } from '../../system/paths.ts';
import type { Anchor } from '../../system/processes.ts';
import type { Session } from '../session.ts';

type Wish = Omit<Input<'register'>, 'key' | 'name' | 'anchor'>;

const PATIENCE_MS = 10_000;

/** The name wished for, or the one the daemon suggests when a live session holds it; none: `agent-N`. */
export async function takeName(
  session: Pick<Session, 'operations' | 'identity' | 'paths'>,
  wish: Wish,
  name: AgentName | undefined,
): Promise<Output<'register'>> {
  const { paths, identity } = session;
  // Written down before the daemon is asked: who was killed between its answer and the writing would leave a
  // name, with its mail, that no key opens. Of a nameless wish nobody knows the name yet, nor writes to it.
  const credential = name === undefined ? undefined : credentialOf(paths, name);
  const key = credential?.key ?? randomKey();
  const anchor = standingFor(identity);
  try {
    const registered = await session.operations.register({
      ...wish,
      key,
      ...(name === undefined ? {} : { name }),
      ...(anchor === undefined ? {} : { anchor }),
    });
    const own = registered.name as AgentName;
    storeKey(paths, own, key);
    // Who holds a name was started with what the set-up says now; a command was told nothing.
    const write = wish.hold === true ? bindAll : rebindAll;
    write(paths, identity.bindings, { name: own, asked: identity.told });
    return registered;
  } catch (error) {
    if (isRefused(error)) credential?.discard();
    const next = suggestionIn(error, wish);
    if (next === undefined || next === name) throw error;
    return takeName(session, wish, next);
  }
}

/**
 * The process whose life stands for the name: two sessions without a server must not share one. By it a
 * server takes over what a hook or a command of its own session took.
 */
export function standingFor({ bindings }: Pick<Identity, 'bindings'>): Anchor | undefined {
  return bindings.find((binding) => binding.anchor !== undefined)?.anchor;
}

/** The name is known not to be opened by this key. One that is held just now may be, by a racer with the same one. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof Failure &&
    /^(?:credential_refused|invalid_name|name_forwarding|name_taken)$/.test(error.code)
  );
}

/** Who wishes for a name at a prompt is told that its key is lost; a server has nobody to tell. */
function suggestionIn(error: unknown, { hold }: Wish): AgentName | undefined {
  if (!(error instanceof Failure)) return undefined;
  const taken = error.code === 'name_live' || (error.code === 'credential_refused' && hold === true);
  const next = taken ? error.details?.['suggestion'] : undefined;
  return typeof next === 'string' && isName(next) ? next : undefined;
}

/**
 * An agent program's session that has no name yet becomes `agent-N`. Under a lock: programs run
 * commands side by side, and two names would part a question from its answer.
 */
export async function nameSession(session: Session, say: (text: string) => void): Promise<void> {
  const { paths, identity } = session;
  using _lock = await namingLock(paths);
  if (identity.bindings.some((binding) => readBinding(paths, binding) !== undefined)) return;
  const { name } = await takeName(session, { kind: identity.kind }, undefined);
  say(`this session of ${identity.client} is ${name} now; ipc rename <name> gives it another`);
}

/** One names at a time: what it wrote down, the next one reads. */
export async function namingLock(paths: Paths): Promise<Lock> {
  const lock = await waitForLock(paths.namingLock, { milliseconds: PATIENCE_MS });
  if (lock === undefined)
    throw new Failure('busy', 'another command has been naming this session for too long');
  return lock;
}
