/**
 * When the person is told that the loop guard holds something: once for each sender and chain, and again while
 * it goes on; but a storm must not flood the person who is to stop it.
 */
import { heldNotice } from './notices.ts';
import type { Clock, Ids } from './ports.ts';
import type { AgentRecord } from './records/agents.ts';
import type { NoticeText } from './records/upkeep.ts';

const AGAIN_MS = 600_000;
/** In so long a time; the last one says that there are more. */
const MOST = 5;

interface Told {
  readonly word: number;
  readonly at: number;
}

export class HeldNotices {
  readonly #told = new Map<AgentRecord['id'], Told>();
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor({ clock, ids }: { clock: Clock; ids: Ids }) {
    this.#clock = clock;
    this.#ids = ids;
  }

  /** For one posting, whose step the store may do twice: the same answer both times. */
  of(sender: AgentRecord, depth: number): (word: number) => NoticeText | null {
    let text: NoticeText | null | undefined;
    return (word) => (text ??= this.#text(sender, { word, depth }));
  }

  /** The person has let something through: what is held from now on is news. */
  released(): void {
    this.#told.clear();
  }

  #text(sender: AgentRecord, { word, depth }: { word: number; depth: number }): NoticeText | null {
    const now = this.#clock.mono();
    for (const [agent, { at }] of this.#told) if (now - at >= AGAIN_MS) this.#told.delete(agent);
    if (this.#told.size >= MOST || this.#told.get(sender.id)?.word === word) return null;
    this.#told.set(sender.id, { word, at: now });
    return heldNotice(this.#ids, { name: sender.name, depth, isLast: this.#told.size === MOST });
  }
}
