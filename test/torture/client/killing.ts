/** A client program that is killed in the middle of a call: what each kind of victim goes through, and what must be true of it after. */
import { readdir, readFile } from 'node:fs/promises';
import { eventually, type Child, type Machine } from '../../e2e/machine.ts';
import type { Chance } from '../chance.ts';
import { moment, within } from '../moment.ts';

/** Where a round takes place. */
export interface Stage {
  readonly machine: Machine;
  readonly random: Chance;
  /** Of this round, and of no other. */
  readonly round: number;
  /** What a command takes from its start to its end, on this machine at this time. */
  readonly usualMs: number;
  readonly count: (what: string, more?: number) => void;
}

/** One round: throws when a promise was broken. */
export type Victim = (stage: Stage) => Promise<void>;

export interface Mail {
  readonly id: string;
  readonly body: string;
  readonly attempt: number;
  readonly again: boolean;
  readonly attachments?: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

/** SIGKILL, after so many milliseconds of the seed; true: it had ended by itself before. */
export async function killWithin(child: Child, random: Chance, most: number): Promise<boolean> {
  await moment(random.next() * most);
  const ended = child.exitCode !== null;
  child.kill('SIGKILL');
  await child.exited;
  return ended;
}

/** Answers that come one by one: a kill falls after so many of them, or when there is none any more. */
export class Tally {
  readonly #after: number;
  readonly #reached = Promise.withResolvers<void>();
  #come = 0;

  constructor(after: number) {
    this.#after = after;
    this.add(0);
  }

  add(more = 1): void {
    this.#come += more;
    if (this.#come >= this.#after) this.#reached.resolve();
  }

  async reached(milliseconds: number): Promise<void> {
    await within(this.#reached.promise, milliseconds);
  }
}

/** Messages for a name, from somebody who is not killed. */
export async function queued({ machine, round }: Stage, to: string, count = 3): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1)
    ids.push(
      (await machine.json<{ id: string }>(['send', to, `for ${to} ${round}.${number}`, '--as', 'post'])).id,
    );
  return ids;
}

/** The question is there once or not at all, and its answer reaches the mailbox of who is gone. */
export async function answered({ machine, round, count }: Stage, asker: string): Promise<void> {
  const asked = await mailOf(machine, 'answerer');
  wantStored(asked, new Set(), new Set([`question ${round}`]));
  for (const { id } of asked) await machine.ok(['reply', id, `answer ${round}`, '--as', 'answerer']);
  await wantFree(machine, asker);
  const answers = (await mailOf(machine, asker)).map(({ body }) => body);
  if (answers.length !== asked.length)
    throw new Error(`${asked.length} questions, answers ${answers.join(', ')}`);
  count('questions answered', asked.length);
}

/** All that waits for a name, handed over and confirmed. */
export async function mailOf(machine: Machine, name: string): Promise<readonly Mail[]> {
  const { messages } = await machine.json<{ messages: Mail[] }>(['check', '--all', '--as', name]);
  return messages;
}

/** Nobody holds the name any more: who was killed is gone at once, not when some lease ends. */
export async function wantFree(machine: Machine, name: string): Promise<void> {
  await eventually(async () => {
    const { code, stdout } = await machine.run(['who', name, '--json']);
    // Killed before it was there: nobody of that name.
    if (code === 67) return true;
    const { agents } = JSON.parse(stdout) as { agents: { sessions: unknown[] }[] };
    return agents.every(({ sessions }) => sessions.length === 0) ? true : undefined;
  }, 3_000);
}

/**
 * What was sent is in the mailbox as often as it may be: the acknowledged once, what was under way at the
 * kill once or not at all.
 */
export function wantStored(
  mail: readonly Mail[],
  acknowledged: ReadonlySet<string>,
  tried: ReadonlySet<string>,
): void {
  const bodies = mail.map(({ body }) => body);
  const once = new Set(bodies);
  if (once.size !== bodies.length)
    throw new Error(`doubled: ${bodies.filter((body, at) => bodies.indexOf(body) !== at).join(', ')}`);
  const lost = [...acknowledged].filter((body) => !once.has(body));
  if (lost.length > 0) throw new Error(`acknowledged and lost: ${lost.join(', ')}`);
  const strange = bodies.filter((body) => !tried.has(body));
  if (strange.length > 0) throw new Error(`nobody sent ${strange.join(', ')}`);
}

/** What was shown before the kill and what came after it: all of it, and marked where it came twice. */
export function wantShown(
  sent: readonly string[],
  before: readonly string[],
  after: readonly Mail[],
): number {
  const seen = new Set(before);
  const later = new Map(after.map((message) => [message.id, message]));
  if (later.size !== after.length) throw new Error('one was handed over twice in one check');
  const lost = sent.filter((id) => !seen.has(id) && !later.has(id));
  if (lost.length > 0) throw new Error(`never shown: ${lost.join(', ')}`);
  const unmarked = after.filter(({ id, again }) => seen.has(id) && !again);
  if (unmarked.length > 0)
    throw new Error(`shown twice without a mark: ${unmarked.map(({ id }) => id).join(', ')}`);
  return after.filter(({ again }) => again).length;
}

/** Processes that belong to this home, but for those that may live on. */
export async function left(home: string, may: readonly number[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const about = await Promise.all([
      readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''),
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    ]);
    const [environ, command] = about;
    if (environ.split('\0').includes(`IPC_HOME=${home}`) && command !== '' && !may.includes(Number(pid)))
      found.push(`${pid} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}
