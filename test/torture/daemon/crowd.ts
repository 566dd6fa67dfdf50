/**
 * A crowd on one machine: programs that stay and send, commands that send, ask, rename, check and watch; some of
 * the readers are killed in the middle of it. Whoever ends is checked: a command that takes too long hangs, one
 * that fails must say why in a way that can be acted on.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentName } from '../../../src/protocol/names.ts';
import { Client } from '../../../src/rpc/client.ts';
import { reach } from '../../../src/rpc/ensure.ts';
import { readEnvironment } from '../../../src/system/environment.ts';
import { readKey } from '../../../src/system/keys.ts';
import { resolvePaths } from '../../../src/system/paths.ts';
import { BINARY, type Child, type Machine } from '../../e2e/machine.ts';
import { until } from '../../support/until.ts';
import type { Chance } from '../chance.ts';
import type { Ledger, Showing } from './ledger.ts';

/** Between two commands of one kind: processes are what a crowd costs most. */
export const BREAK_MS = 200;

/** A command that has not ended by then hangs. */
export const HANGS_MS = 40_000;

export interface Crowd {
  readonly machine: Machine;
  readonly ledger: Ledger;
  readonly chance: Chance;
  readonly counts: Record<
    'commands' | 'failed' | 'hung' | 'readersKilled' | 'killedShowing' | 'asked' | 'answered',
    number
  >;
  /** What failed commands said, for the report of a broken promise. */
  readonly complaints: string[];
  slowestMs: number;
  /** Calls of programs that wait for their answer now. */
  underWay: number;
  /** Everybody goes home. */
  over: boolean;
  /** Readers die no more: what they had is shown again to others before the end. */
  spared: boolean;
}

export function openCrowd(machine: Machine, ledger: Ledger, chance: Chance): Crowd {
  const counts = {
    commands: 0,
    failed: 0,
    hung: 0,
    readersKilled: 0,
    killedShowing: 0,
    asked: 0,
    answered: 0,
  };
  return {
    machine,
    ledger,
    chance,
    counts,
    complaints: [],
    slowestMs: 0,
    underWay: 0,
    over: false,
    spared: false,
  };
}

/** Lets about so many milliseconds pass. */
export async function rested(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  await until(() => performance.now() > end, 'the time to pass', milliseconds + 60_000);
}

/** Lets milliseconds pass, to a fraction of one; that costs a processor some of them. */
export async function passed(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  if (milliseconds > 8) await rested(milliseconds - 6);
  while (performance.now() < end) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Which version of the product a program belongs to. */
export interface Build {
  readonly binary: string;
  readonly version: string;
}

/** A program of this user that stays: the product's own client, as what embeds it uses it. */
export function program(machine: Machine, name: string, of?: Build): Client {
  const environment = { ...readEnvironment(), variables: machine.environment, userHome: machine.userHome };
  const paths = resolvePaths(environment);
  return new Client({
    connect: (receive) =>
      reach({ paths, environment, start: 'absent', command: [of?.binary ?? BINARY] }, receive),
    version: of?.version,
    caller: { client: 'torture', kind: 'script', pid: environment.pid },
    credential: { name, key: readKey(paths, name as AgentName) ?? name.padEnd(43, 'k') },
  });
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; `during` may have other plans for it. */
export async function command(
  crowd: Crowd,
  args: readonly string[],
  how: {
    readonly binary?: string | undefined;
    readonly during?: (child: Child) => void;
    readonly output?: (child: Child) => void;
  } = {},
): Promise<Finished> {
  const begun = performance.now();
  const child = crowd.machine.start(args, how.binary === undefined ? {} : { binary: how.binary });
  const hangs = AbortSignal.timeout(HANGS_MS);
  const end = (): void => child.kill('SIGKILL');
  hangs.addEventListener('abort', end);
  crowd.counts.commands += 1;
  how.during?.(child);
  await child.stdin.end();
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    textOf(child.stdout, () => how.output?.(child)),
    child.stderr.text(),
  ]);
  hangs.removeEventListener('abort', end);
  crowd.slowestMs = Math.max(crowd.slowestMs, performance.now() - begun);
  if (hangs.aborted) {
    crowd.counts.hung += 1;
    crowd.complaints.push(`hung: ipc ${args.join(' ')}`);
  }
  return { code: child.signalCode === null ? code : null, stdout, stderr };
}

async function textOf(stream: ReadableStream<Uint8Array>, more: () => void): Promise<string> {
  const utf8 = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += utf8.decode(chunk, { stream: true });
    more();
  }
  return text;
}

/** Statuses that say: not now, or not known whether; of these, 69 is also that of a store that wants a repair. */
const EXCUSED: readonly (number | null)[] = [69, 75, 124];

/** True: it ended well. Throws when it failed in a way that nobody could do anything about. */
export function judged(crowd: Crowd, what: string, { code, stdout, stderr }: Finished): boolean {
  if (code === 0) return true;
  crowd.counts.failed += 1;
  const said = `${what} exited ${code}: ${(stderr || stdout).trim().slice(0, 300)}`;
  crowd.complaints.push(said);
  if ((code !== null && !EXCUSED.includes(code)) || said.includes('damaged')) throw new Error(said);
  return false;
}

/** The body of a message: its key, and something to carry. */
export function bodyOf(key: string, bytes: number): string {
  return `${key} ${'x'.repeat(bytes)}`;
}

/** What a `check --json` showed, even one that was cut off. */
export function showingsIn(stdout: string): Showing[] {
  const found = stdout.matchAll(/"body":"([\w-]+:\d+) x*".*?"again":(true|false)/g);
  return [...found].map(([, key = '', again]) => ({ key, again: again === 'true' }));
}

export interface Sender {
  readonly name: string;
  /** Sends the next of its messages; true: it was acknowledged. */
  send(to: readonly string[], mailboxes: readonly string[], more?: { notBefore: string }): Promise<boolean>;
  close(): Promise<void>;
}

/** A program that stays and sends; its key says which of its messages each one is. */
export function sender(crowd: Crowd, name: string, of?: Build): Sender {
  const client = program(crowd.machine, name, of);
  const { ledger, chance } = crowd;
  let number = 0;
  return {
    name,
    send: async (to, mailboxes, more = { notBefore: '' }) => {
      const key = `${name}:${(number += 1)}`;
      // Most are small; some fill pages, and the log of the store with them.
      const bytes = chance.next() < 0.05 ? 4_000 + chance.below(40_000) : chance.below(600);
      const begun = performance.now();
      crowd.underWay += 1;
      try {
        const { id } = await client.operations.send({
          to: [...to],
          body: bodyOf(key, bytes),
          ...(more.notBefore === '' ? {} : more),
        });
        ledger.acknowledged.set(key, mailboxes);
        ledger.ids.set(key, id);
        return true;
      } catch (error) {
        ledger.unsure.set(key, mailboxes);
        crowd.counts.failed += 1;
        crowd.complaints.push(`${key}: ${String(error)}`);
        return false;
      } finally {
        crowd.underWay -= 1;
        crowd.slowestMs = Math.max(crowd.slowestMs, performance.now() - begun);
      }
    },
    close: () => client.close(),
  };
}

/** Commands that send, one after the other. */
export async function sendByCommand(
  crowd: Crowd,
  parts: { name: string; to: string; mailboxes: readonly string[]; binary?: string | undefined },
): Promise<void> {
  const { name, to, mailboxes, binary } = parts;
  const { chance } = crowd;
  for (let number = 1; !crowd.over; number += 1) {
    const key = `${name}:${number}`;
    const words = ['send', to, bodyOf(key, 40), '--as', name, '--json'];
    // Some carry a file, each another one: what is left of half-done ones is what the daemon tidies up.
    if (chance.next() < 0.25) words.push('--file', await someFile(crowd, `${name}-${number}`));
    const ran = await command(crowd, words, { binary });
    if (judged(crowd, `send ${key}`, ran)) {
      crowd.ledger.acknowledged.set(key, mailboxes);
      crowd.ledger.ids.set(key, (JSON.parse(ran.stdout) as { id: string }).id);
    } else crowd.ledger.unsure.set(key, mailboxes);
    await rested(chance.next() * BREAK_MS);
  }
}

async function someFile({ machine, chance }: Crowd, name: string): Promise<string> {
  const path = join(machine.directory, name);
  await writeFile(path, `${name} `.repeat(1 + chance.below(20_000)));
  return path;
}

/** Commands that read one mailbox, one after the other; some die on the way, if it may be. */
export async function readByCommand(crowd: Crowd, mailbox: string, binary?: string): Promise<void> {
  const { chance, counts, ledger } = crowd;
  while (!crowd.over) {
    const doom =
      crowd.spared || chance.next() > 0.2 ? undefined : chance.pick(['moment', 'showing'] as const);
    const moment = chance.next() * 40;
    const kill = (child: Child): void => child.kill('SIGKILL');
    const ran = await command(crowd, ['check', '--as', mailbox, '--all', '--json', '--wait', '1'], {
      binary,
      during: (child) => void (doom === 'moment' && rested(moment).then(() => kill(child))),
      output: (child) => void (doom === 'showing' && kill(child)),
    });
    const showings = showingsIn(ran.stdout);
    if (ran.code === null) {
      counts.readersKilled += 1;
      if (showings.length > 0) counts.killedShowing += 1;
      ledger.show(mailbox, showings, 'died');
    } else ledger.show(mailbox, showings, judged(crowd, `check ${mailbox}`, ran) ? 'whole' : 'failed');
    await rested(chance.next() * BREAK_MS);
  }
}
