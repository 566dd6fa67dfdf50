/** What IOPub tells about everybody: for whom the kernel works, and the cells that others run in it. */
import { type JupyterMessage, text } from './message.ts';
import { CellOutput, type OutputItem } from './output/cell-output.ts';

export interface BusyFor {
  readonly id: string;
  readonly session: string;
  readonly username: string;
  readonly since: number;
}

/** A cell of the person's IDE or of another client, seen live. */
export interface OthersCell {
  readonly id: string;
  readonly session: string;
  /** As that client calls its user; an agent's name when it is one of ours. */
  readonly username: string;
  /** Undefined: it ran already when we came. */
  readonly code: string | undefined;
  readonly count: number | undefined;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly items: readonly OutputItem[];
}

interface Tracked {
  readonly facts: Omit<OthersCell, 'items' | 'endedAt'>;
  readonly output: CellOutput;
  endedAt: number | undefined;
}

const KEPT_CELLS = 100;
const EXECUTE = 'execute_request';

export class Activity {
  readonly #own: string;
  readonly #now: () => number;
  readonly #busy = new Map<string, BusyFor>();
  readonly #others = new Map<string, Tracked>();
  readonly #idleWaits = new Map<string, (() => void)[]>();

  constructor(ownSession: string, now: () => number) {
    this.#own = ownSession;
    this.#now = now;
  }

  /** Whoever's cell the kernel executes; the first, should a subshell make them two. */
  get busyFor(): BusyFor | undefined {
    return this.#busy.values().next().value;
  }

  get others(): readonly OthersCell[] {
    return [...this.#others.values()].map(viewOf);
  }

  /** Answers the other's cell that this message changed. */
  heard(message: JupyterMessage): OthersCell | undefined {
    const { header, parent, content } = message;
    if (parent === undefined) return undefined;
    if (header.msg_type === 'status') this.#status(parent.msg_id, message);
    if (parent.session === this.#own || parent.msg_type !== EXECUTE) return undefined;
    const tracked = this.#tracked(message);
    if (tracked === undefined) return undefined;
    if (header.msg_type === 'status' && content['execution_state'] === 'idle') {
      tracked.endedAt = this.#now();
      tracked.output.end();
    } else if (header.msg_type !== 'execute_input' && !tracked.output.add(header.msg_type, content))
      return undefined;
    return viewOf(tracked);
  }

  /** Resolves at the idle status of that request; true at once when it is not known to run. */
  async idleOf(id: string, withinMs: number): Promise<boolean> {
    if (!this.#busy.has(id)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), withinMs);
    const waits = this.#idleWaits.get(id) ?? [];
    waits.push(() => resolve(true));
    this.#idleWaits.set(id, waits);
    const idle = await promise;
    clearTimeout(timer);
    return idle;
  }

  /** What was known is not known any more: the channel was cut, or the kernel is another. */
  forget(): void {
    const ids = [...this.#busy.keys()];
    this.#busy.clear();
    for (const id of ids) this.#wake(id);
    for (const tracked of this.#others.values()) tracked.endedAt ??= this.#now();
  }

  #status(id: string, { parent, content }: JupyterMessage): void {
    if (parent?.msg_type !== EXECUTE) return;
    if (content['execution_state'] === 'busy') {
      const { session, username } = parent;
      this.#busy.set(id, { id, session, username, since: this.#now() });
    } else if (content['execution_state'] === 'idle') {
      this.#busy.delete(id);
      this.#wake(id);
    }
  }

  #wake(id: string): void {
    for (const wake of this.#idleWaits.get(id) ?? []) wake();
    this.#idleWaits.delete(id);
  }

  #tracked({ header, parent, content }: JupyterMessage): Tracked | undefined {
    const known = this.#others.get(parent?.msg_id ?? '');
    if (known !== undefined || parent === undefined) return known;
    // Probes of IDEs (variable explorers) run silently: busy and idle, and never an input.
    if (header.msg_type === 'status') return undefined;
    const count = content['execution_count'];
    const tracked: Tracked = {
      facts: {
        id: parent.msg_id,
        session: parent.session,
        username: parent.username,
        code: header.msg_type === 'execute_input' ? text(content['code']).slice(0, 65_536) : undefined,
        count: typeof count === 'number' ? count : undefined,
        startedAt: this.#now(),
      },
      output: new CellOutput(),
      endedAt: undefined,
    };
    this.#others.set(parent.msg_id, tracked);
    for (const id of this.#others.keys()) {
      if (this.#others.size <= KEPT_CELLS) break;
      this.#others.delete(id);
    }
    return tracked;
  }
}

function viewOf({ facts, output, endedAt }: Tracked): OthersCell {
  return { ...facts, endedAt, items: output.items };
}
