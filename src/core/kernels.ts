/**
 * Who hosts which kernel now, and who may execute on it (design §5): people, whoever started or attached
 * it, and those that one let in. It knows nothing of kernels but their names: the host does the work.
 */
import { Failure } from '../protocol/failures.ts';
import { nameKey, type AgentName } from '../protocol/names.ts';
import type { Asker } from '../protocol/operations/kernel.ts';
import type { Store } from './ports.ts';
import type { AgentId, AgentRecord } from './records/agents.ts';
import type { KernelStanding } from './records/sending.ts';
import type { Session } from './session.ts';

/** Asks the session that hosts a kernel; rejects when that session ends first. */
export type AskHost = (method: string, params: unknown, signal?: AbortSignal) => Promise<unknown>;

/** A kernel somebody may execute on, and how it is asked. */
export interface Provider {
  readonly kernel: string;
  readonly asker: Asker;
  readonly ask: AskHost;
}

interface Host {
  readonly kernel: AgentRecord;
  readonly session: Session;
  readonly ask: AskHost;
  /** Names as they were given, and who had them then; null: nobody yet. */
  readonly allowed: Map<string, AgentId | null>;
}

type Around = Pick<Store, 'agents'>;

export class KernelHosts {
  readonly #store: Around;
  readonly #hosts = new Map<AgentId, Host>();

  constructor(store: Around) {
    this.#store = store;
  }

  /** The right is that of an agent, not of a name: who takes the name after it has none of it. */
  async hosts(step: {
    readonly kernel: AgentRecord;
    readonly session: Session;
    readonly executors: readonly AgentName[];
    readonly now: number;
  }): Promise<void> {
    const { kernel, session, now } = step;
    const { askHost: ask } = session;
    if (ask === undefined) return;
    const allowed = new Map<string, AgentId | null>();
    for (const name of step.executors) {
      const [profile] = await this.#store.agents({ name, now });
      allowed.set(nameKey(name), profile === undefined || profile.unborn ? null : profile.id);
    }
    if (!session.closed) this.#hosts.set(kernel.id, { kernel, session, ask, allowed });
  }

  /** Before an agent gives its name up: a right given to that name is its own from now on. */
  known({ id, name }: Pick<AgentRecord, 'id' | 'name'>): void {
    for (const { allowed } of this.#hosts.values())
      if (allowed.get(nameKey(name)) === null) allowed.set(nameKey(name), id);
  }

  leave(session: Session): void {
    for (const [id, host] of this.#hosts) if (host.session === session) this.#hosts.delete(id);
  }

  /** Throws `no_such_kernel`, `kernel_unavailable`, `not_allowed`. */
  async provider(name: string | undefined, session: Session, now: number): Promise<Provider> {
    const host = name === undefined ? this.#only() : await this.#named(name, now);
    const right = rightOf(host, session);
    if (right === undefined) {
      throw new Failure(
        'not_allowed',
        `wanted somebody who may execute on ${host.kernel.name}: a person, its owner or whom the owner allows; found ${session.acting().name}, of kind ${session.kind}`,
        { hint: `ipc kernel allow ${host.kernel.name} ${session.acting().name}` },
      );
    }
    const { client, unverified } = session.caller;
    const { name: asking } = session.acting();
    const asker: Asker = { name: asking, kind: session.kind, verified: unverified !== true, client };
    if (right.name !== undefined && right.name !== nameKey(asking)) asker.once = right.name;
    return { kernel: host.kernel.name, asker, ask: host.ask };
  }

  /** For a message: every kernel that is hosted now, and whether this session's messages run there. */
  standings(session: Session): ReadonlyMap<AgentId, KernelStanding> {
    const found = new Map<AgentId, KernelStanding>();
    for (const [id, host] of this.#hosts) {
      // A token that is good for sending is not good for running code: that has a scope of its own.
      const may = session.caller.client !== 'http' && rightOf(host, session) !== undefined;
      found.set(id, may ? 'runs' : 'not-allowed');
    }
    return found;
  }

  #only(): Host {
    const [host, ...others] = this.#hosts.values();
    if (host !== undefined && others.length === 0) return host;
    const names = [...this.#hosts.values()].map(({ kernel }) => kernel.name);
    throw new Failure(
      'no_such_kernel',
      host === undefined
        ? 'wanted a kernel; none is attached now'
        : `wanted the name of a kernel, since there are several: ${names.join(', ')}`,
      { hint: host === undefined ? 'ipc kernel start' : 'ipc kernel list' },
    );
  }

  async #named(name: string, now: number): Promise<Host> {
    const [profile] = await this.#store.agents({ name: name as AgentName, now });
    const host = profile === undefined ? undefined : this.#hosts.get(profile.id);
    if (host !== undefined) return host;
    if (profile?.kind === 'kernel') {
      throw new Failure('kernel_unavailable', `the host of kernel ${profile.name} is not running`, {
        hint: `ipc kernel connect ${profile.name}`,
      });
    }
    const found = profile === undefined ? 'nobody has that name' : `it is of kind ${profile.kind ?? 'none'}`;
    throw new Failure('no_such_kernel', `wanted a kernel, found ${JSON.stringify(name)}: ${found}`);
  }
}

/** By which of the names that were given; none: a person needs none. Undefined: may not execute. */
function rightOf({ allowed }: Host, session: Session): { readonly name?: string } | undefined {
  const { agent, caller, kind } = session;
  if (agent === null || caller.kind === 'webhook' || caller.kind === 'kernel') return undefined;
  const key = nameKey(agent.name);
  if (allowed.get(key) === null) allowed.set(key, agent.id);
  for (const [name, id] of allowed) if (id === agent.id) return { name };
  return kind === 'human' ? {} : undefined;
}
