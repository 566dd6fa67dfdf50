/** A store with known mail, as files that can be copied, damaged and asked again and again. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../e2e/machine.ts';
import type { Chance } from '../chance.ts';
import type { Form } from '../attack.ts';

export const AGENTS = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay'] as const;
export type AgentName = (typeof AGENTS)[number];

export interface Letter {
  /** A word that stands on every page on which a part of the letter lies. */
  readonly token: string;
  readonly to: AgentName;
  readonly body: string;
}

export interface Stock {
  readonly machine: Machine;
  readonly letters: readonly Letter[];
  /** Closed in order: no log. */
  readonly closed: string;
  /** Killed: most of it is in the log. */
  readonly killed: string;
  /** Closed in order when half of the letters were there. */
  readonly earlier: string;
}

const SENDERS = 6;
const sizes = [150, 150, 150, 900, 900, 2_500, 14_000] as const;
const counts = { short: 220, long: 1_500 } as const;

export async function openStock(machine: Machine, form: Form, random: Chance): Promise<Stock> {
  const letters = Array.from({ length: counts[form] }, (_, nth) => letterOf(nth, random));
  const half = Math.floor(letters.length / 2);
  await machine.ok(['topic', 'join', '#ops', '--as', 'ann']);
  await sendAll(machine, letters.slice(0, half));
  const earlier = await keep(machine, 'earlier', 'closed');
  await sendAll(machine, letters.slice(half));
  const closed = await keep(machine, 'closed', 'closed');
  // What is in the log alone, and what is in both.
  const late = Array.from({ length: 40 }, (_, nth) => letterOf(letters.length + nth, random));
  await sendAll(machine, late);
  const killed = await keep(machine, 'killed', 'killed');
  return { machine, letters: [...letters, ...late], closed, killed, earlier };
}

function letterOf(nth: number, random: Chance): Letter {
  const token = `m${String(nth).padStart(5, '0')}#`;
  const size = random.pick(sizes);
  return { token, to: random.pick(AGENTS), body: token.repeat(Math.ceil(size / token.length)) };
}

async function sendAll(machine: Machine, letters: readonly Letter[]): Promise<void> {
  const waiting = letters.values();
  const send = async (nth: number): Promise<void> => {
    for (const { to, body } of waiting)
      await machine.ok(['send', to, '-', '--as', `sender-${nth}`], { stdin: body });
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, nth) => send(nth)));
}

async function keep(machine: Machine, name: string, how: 'closed' | 'killed'): Promise<string> {
  const pid = await machine.daemonPid();
  if (how === 'closed') await machine.ok(['daemon', 'stop']);
  else process.kill(pid, 'SIGKILL');
  const copy = join(machine.directory, name);
  copyHome(machine.home, copy);
  return copy;
}

export function copyHome(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
}

// ---- where each letter lies, found by its words alone ---------------------------------------------------

const PAGE = 4_096;
const FRAME = PAGE + 24;

/** Where the newest version of a page lies. */
interface Place {
  readonly file: 'ipc.db' | 'ipc.db-wal';
  readonly from: number;
}

/** The places of the letters that are stored in a home. */
export function placesOf(home: string, letters: readonly Letter[]): ReadonlyMap<Letter, readonly Place[]> {
  const byToken = new Map(letters.map((letter) => [letter.token, letter]));
  const places = new Map<Letter, Place[]>();
  for (const [place, bytes] of pagesOf(home)) {
    // A page of the search index has no '#'; neither has one of any other index.
    for (const token of new Set(bytes.toString('latin1').match(/m\d{5}#/g))) {
      const letter = byToken.get(token);
      if (letter !== undefined) places.set(letter, [...(places.get(letter) ?? []), place]);
    }
  }
  return places;
}

function pagesOf(home: string): Iterable<readonly [Place, Buffer]> {
  const pages = new Map<number, readonly [Place, Buffer]>();
  const database = readFileSync(join(home, 'ipc.db'));
  for (let from = 0; from < database.length; from += PAGE) {
    pages.set(from / PAGE + 1, [{ file: 'ipc.db', from }, database.subarray(from, from + PAGE)]);
  }
  const log = readIfAny(join(home, 'ipc.db-wal'));
  for (
    let at = 32;
    at + FRAME <= log.length && log.compare(log, 16, 24, at + 8, at + 16) === 0;
    at += FRAME
  ) {
    const place: Place = { file: 'ipc.db-wal', from: at };
    pages.set(log.readUInt32BE(at), [place, log.subarray(at + 24, at + FRAME)]);
  }
  return pages.values();
}

function readIfAny(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Whether nothing of a letter's places was changed between the two homes. */
export function untouched(places: readonly Place[], before: string, after: string): boolean {
  return places.every(({ file, from }) => {
    const length = file === 'ipc.db' ? PAGE : FRAME;
    const [was, is] = [before, after].map((home) => cached(join(home, file)).subarray(from, from + length));
    return was !== undefined && is !== undefined && was.equals(is);
  });
}

let known: { readonly path: string; readonly bytes: Buffer }[] = [];

/** The four files that one damage compares are each read once. */
function cached(path: string): Buffer {
  const found = known.find((each) => each.path === path);
  if (found !== undefined) return found.bytes;
  const bytes = readIfAny(path);
  known = [...known.slice(-7), { path, bytes }];
  return bytes;
}
