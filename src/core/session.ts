/** One connection as the broker sees it: whom it acts for, and what it must give back when it ends. */
import { Failure } from '../protocol/failures.ts';
import type { Kind } from '../protocol/model.ts';
import type { Caller } from '../protocol/wire.ts';
import type { Desk } from './desk.ts';
import type { AskHost } from './kernels.ts';
import type { NewSession } from './presence.ts';
import type { AgentId, AgentRecord } from './records/agents.ts';

export class Session {
  readonly id: string;
  readonly caller: Caller;
  readonly borrowed: boolean;
  /** How its process is asked something; a session that hosts a kernel is. */
  readonly askHost: AskHost | undefined;
  agent: AgentRecord | null;
  /** The connection is gone; what a call under way still gets hold of must be given back at once. */
  closed = false;
  /** What each reader of this connection has leased and not confirmed: given back when it breaks. */
  readonly #leased = new Map<string, Set<string>>();

  constructor(facts: {
    id: string;
    caller: Caller;
    agent: AgentRecord | null;
    borrowed: boolean;
    askHost?: AskHost | undefined;
  }) {
    this.id = facts.id;
    this.caller = facts.caller;
    this.agent = facts.agent;
    this.borrowed = facts.borrowed;
    this.askHost = facts.askHost;
  }

  /** What it sends is stamped with this kind: an agent's shell commands are the agent's. */
  get kind(): Kind {
    return this.agent?.kind === 'agent' ? 'agent' : this.caller.kind;
  }

  /** The agent it acts for. Throws `not_registered`. */
  acting(): AgentRecord {
    if (this.agent === null) throw new Failure('not_registered', 'this session acts for nobody yet');
    return this.agent;
  }

  /** Whose past it may read. Throws `not_allowed` when it asks for everybody's and is no person. */
  viewer(everyone: boolean | undefined): AgentId | null {
    if (everyone !== true) return this.acting().id;
    if (this.kind !== 'human')
      throw new Failure(
        'not_allowed',
        `only a person may read everybody's messages, found kind ${this.kind}`,
      );
    return null;
  }

  /** As others see it while it stays. */
  seat(role: 'holder' | 'satellite'): NewSession {
    const { client, pid, directory, project, branch } = this.caller;
    return {
      id: this.id,
      role,
      client,
      doors: [],
      pid,
      directory: directory ?? null,
      project: project ?? null,
      branch: branch ?? null,
    };
  }

  leased(reader: string, ids: readonly string[]): void {
    const open = this.#leased.get(reader) ?? new Set();
    for (const id of ids) open.add(id);
    if (open.size > 0) this.#leased.set(reader, open);
  }

  settled(reader: string, ids: readonly string[]): void {
    const open = this.#leased.get(reader);
    if (open === undefined) return;
    for (const id of ids) open.delete(id);
    if (open.size === 0) this.#leased.delete(reader);
  }

  /** Readers that still have something leased. */
  get unsettled(): readonly string[] {
    return [...this.#leased.keys()];
  }
}

/** After a rename or a removal: every session that acts for the agent knows it at once. */
export function retell(
  desk: Desk,
  agent: AgentId,
  becomes: (record: AgentRecord) => AgentRecord | null,
): void {
  for (const session of desk.sessions) {
    if (session.agent?.id === agent) session.agent = becomes(session.agent);
  }
}

/** Notes what a reader of this session has leased, so that it is given back when the connection breaks. */
export async function noteLease(
  desk: Desk,
  session: Session,
  reader: string,
  ids: readonly string[],
): Promise<void> {
  if (!session.closed) return session.leased(reader, ids);
  // The connection broke while the store was at it: nobody is left to be handed anything.
  if (ids.length > 0) desk.wake.publish(await desk.store.abandon({ reader }));
}
