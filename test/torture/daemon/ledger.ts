/**
 * What a crowd of senders and readers was told, and what of it is not true: every message that was
 * acknowledged against everything that was shown, delivery by delivery.
 */

/** `whole`: its reader ended well. `died`: it was killed. `failed`: it ended with an error. */
export type Fate = 'whole' | 'died' | 'failed';

export interface Showing {
  /** `sender:number`, the first word of a body. */
  readonly key: string;
  readonly again: boolean;
}

interface Shown {
  readonly again: boolean;
  fate: Fate;
}

export interface Broken {
  readonly lost: string[];
  /** Shown twice although nobody died or failed who had it. */
  readonly doubled: string[];
  /** Shown before, and not marked. */
  readonly unmarked: string[];
  /** Marked, although no reader of that mailbox died or failed before. */
  readonly markedInVain: string[];
  readonly disordered: string[];
  /** Nobody ever sent it there. */
  readonly invented: string[];
}

export class Ledger {
  /** Mailboxes each acknowledged message is for, by its key. */
  readonly acknowledged = new Map<string, readonly string[]>();
  /** Its id, for the receipts. */
  readonly ids = new Map<string, string>();
  /** Sent, and never answered: stored or not. */
  readonly unsure = new Map<string, readonly string[]>();
  readonly #shown = new Map<string, Shown[]>();
  /** First showings of a mailbox that were not marked, in order; that is the order of its mail. */
  readonly #order = new Map<string, string[]>();
  readonly #casualties = new Set<string>();
  readonly #vain: string[] = [];

  /** A reader of a mailbox has ended, after showing these. */
  show(mailbox: string, showings: readonly Showing[], fate: Fate): void {
    const hadCasualties = this.#casualties.has(mailbox);
    if (fate !== 'whole') this.#casualties.add(mailbox);
    for (const { key, again } of showings) {
      const place = placeOf(key, mailbox);
      if (again && !hadCasualties) this.#vain.push(place);
      const shown = this.#shown.get(place) ?? [];
      if (shown.length === 0) this.#shown.set(place, shown);
      if (shown.length === 0 && !again) this.#inOrder(mailbox).push(key);
      shown.push({ again, fate });
    }
  }

  /** How often the message was shown there, by readers of these fates. */
  shownTo(key: string, mailbox: string, fates: readonly Fate[] = ['whole', 'died', 'failed']): number {
    return (this.#shown.get(placeOf(key, mailbox)) ?? []).filter(({ fate }) => fates.includes(fate)).length;
  }

  get repeats(): number {
    return [...this.#shown.values()].filter((shown) => shown.length > 1).length;
  }

  broken(): Broken & Readonly<Record<string, readonly string[]>> {
    const lost = [...this.acknowledged].flatMap(([key, mailboxes]) =>
      mailboxes.filter((mailbox) => this.shownTo(key, mailbox) === 0).map((mailbox) => placeOf(key, mailbox)),
    );
    const shown = [...this.#shown];
    const meant = (key: string, mailbox: string): boolean =>
      (this.acknowledged.get(key) ?? this.unsure.get(key) ?? []).includes(mailbox);
    return {
      lost,
      doubled: placesWith(shown, (all) => all.slice(0, -1).some(({ fate }) => fate === 'whole')),
      unmarked: placesWith(shown, (all) => all.slice(1).some(({ again }) => !again)),
      markedInVain: this.#vain,
      disordered: [...this.#order].flatMap(([mailbox, keys]) =>
        outOfOrder(keys).map((key) => placeOf(key, mailbox)),
      ),
      invented: shown.map(([place]) => place).filter((place) => !meant(...partsOf(place))),
    };
  }

  #inOrder(mailbox: string): string[] {
    const known = this.#order.get(mailbox) ?? [];
    this.#order.set(mailbox, known);
    return known;
  }
}

function placesWith(
  shown: readonly (readonly [string, Shown[]])[],
  holds: (all: Shown[]) => boolean,
): string[] {
  return shown.filter(([, all]) => holds(all)).map(([place]) => place);
}

/** Keys that come after a later one of the same sender. */
export function outOfOrder(keys: readonly string[]): string[] {
  const newest = new Map<string, number>();
  return keys.filter((key) => {
    const [sender = '', text] = key.split(':');
    const number = Number(text);
    const before = newest.get(sender) ?? -1;
    newest.set(sender, Math.max(before, number));
    return number <= before;
  });
}

function placeOf(key: string, mailbox: string): string {
  return `${key} ${mailbox}`;
}

function partsOf(place: string): [string, string] {
  const [key = '', mailbox = ''] = place.split(' ');
  return [key, mailbox];
}

/** Throws, with some of what is not true. */
export function hold(broken: Readonly<Record<string, readonly string[]>>): void {
  const wrong = Object.entries(broken).filter(([, all]) => all.length > 0);
  if (wrong.length === 0) return;
  throw new Error(
    wrong.map(([what, all]) => `${all.length} ${what}: ${all.slice(0, 8).join(', ')}`).join('\n'),
  );
}
