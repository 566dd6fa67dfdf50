/**
 * Which agents one program has acted for lately: a model that answers under another name each time has still
 * read what it read under the others (design §5, loop guard). Kept in memory; a name that is taken takes over
 * what the ones before it have read, so not much is lost with it.
 */
import type { AgentId } from './records/agents.ts';

const MOST_PROGRAMS = 1_000;
const MOST_AGENTS = 32;

export class Kin {
  /** In the order of last use; so are the agents of each. */
  readonly #programs = new Map<string, readonly AgentId[]>();

  note(program: string | undefined, agent: AgentId): void {
    if (program === undefined) return;
    const known = this.#programs.get(program) ?? [];
    this.#programs.delete(program);
    const [first] = this.#programs.keys();
    if (this.#programs.size >= MOST_PROGRAMS && first !== undefined) this.#programs.delete(first);
    this.#programs.set(program, [...known.filter((other) => other !== agent), agent].slice(-MOST_AGENTS));
  }

  /** The others. */
  of(program: string | undefined, agent: AgentId | undefined): readonly AgentId[] {
    if (program === undefined) return [];
    return (this.#programs.get(program) ?? []).filter((other) => other !== agent);
  }
}
