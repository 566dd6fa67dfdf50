/** What is done to the files of a store. */
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import type { Chance } from '../chance.ts';
import type { Stock } from './damage-store.ts';

export interface Damage {
  readonly name: string;
  /** Which of the stocked homes, and whether a daemon has it open meanwhile. */
  readonly on: 'closed' | 'killed' | 'running';
  /** Left out of the short form: what it shows, another one or a test of its own shows too. */
  readonly isLong?: true;
  readonly inflict: (home: string, random: Chance, stock: Stock) => void;
}

const PAGE = 4_096;

const database = (home: string): string => join(home, 'ipc.db');
const log = (home: string): string => join(home, 'ipc.db-wal');

/** Changes bytes where they lie: the file stays the one that a daemon may have open. */
function change(path: string, work: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  work(bytes);
  writeFileSync(path, bytes, { flag: 'r+' });
}

function somePage(bytes: Buffer, random: Chance): Buffer {
  const nth = random.below(bytes.length / PAGE);
  return bytes.subarray(nth * PAGE, (nth + 1) * PAGE);
}

function scribble(page: Buffer, random: Chance): void {
  for (let at = 0; at < page.length; at += 1) page[at] = random.below(256);
}

function flip(bytes: Buffer, random: Chance): void {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
}

const pages = (on: Damage['on']): readonly Damage[] => [
  {
    name: `garbage over pages, ${on}`,
    on,
    inflict: (home, random) =>
      change(database(home), (bytes) => {
        for (let count = 1 + random.below(3); count > 0; count -= 1)
          scribble(somePage(bytes, random), random);
      }),
  },
  {
    name: `a page of zeros, ${on}`,
    on,
    inflict: (home, random) => change(database(home), (bytes) => void somePage(bytes, random).fill(0)),
  },
  {
    name: `a page over another, ${on}`,
    on,
    inflict: (home, random) =>
      change(database(home), (bytes) => void somePage(bytes, random).copy(somePage(bytes, random))),
  },
  {
    name: `flipped bits, ${on}`,
    on,
    inflict: (home, random) =>
      change(database(home), (bytes) => {
        for (let count = 1 + random.below(4); count > 0; count -= 1) flip(bytes, random);
      }),
  },
];

const on = ['closed', 'killed', 'running'] as const;

export const damages: readonly Damage[] = [
  // In the short form each at one of the three.
  ...on.flatMap((where, nth) =>
    pages(where).map((damage, kind) =>
      kind % on.length === nth ? damage : { ...damage, isLong: true as const },
    ),
  ),
  {
    name: 'the header overwritten',
    isLong: true,
    on: 'closed',
    inflict: (home, random) => change(database(home), (bytes) => scribble(bytes.subarray(0, 100), random)),
  },
  {
    name: 'cut in half',
    isLong: true,
    on: 'closed',
    inflict: (home) => truncateSync(database(home), Math.floor(readFileSync(database(home)).length / 2)),
  },
  {
    name: 'cut somewhere',
    on: 'killed',
    inflict: (home, random) =>
      truncateSync(database(home), random.below(readFileSync(database(home)).length)),
  },
  { name: 'emptied', isLong: true, on: 'closed', inflict: (home) => truncateSync(database(home), 0) },
  { name: 'deleted', on: 'closed', inflict: (home) => rmSync(database(home)) },
  { name: 'rolled back', on: 'closed', inflict: (home, _, { earlier }) => putOver(home, database(earlier)) },
  { name: 'another store put in its place', on: 'closed', inflict: (home) => putOver(home, foreign(home)) },
  {
    name: 'a bit of the log flipped',
    on: 'killed',
    inflict: (home, random) => change(log(home), (bytes) => flip(bytes, random)),
  },
  {
    name: 'garbage in the log',
    on: 'killed',
    inflict: (home, random) =>
      change(log(home), (bytes) => {
        const from = random.below(bytes.length - 32);
        scribble(bytes.subarray(from, from + 1 + random.below(6_000)), random);
      }),
  },
  {
    name: 'the log cut',
    on: 'killed',
    inflict: (home, random) => truncateSync(log(home), random.below(readFileSync(log(home)).length)),
  },
  { name: 'the log deleted', on: 'killed', inflict: (home) => rmSync(log(home)) },
  { name: 'the index of the log deleted', on: 'killed', inflict: (home) => rmSync(`${database(home)}-shm`) },
  {
    name: 'garbage in the index of the log',
    isLong: true,
    on: 'killed',
    inflict: (home, random) => change(`${database(home)}-shm`, (bytes) => scribble(bytes, random)),
  },
  { name: 'deleted, running', on: 'running', inflict: (home) => rmSync(database(home)) },
  { name: 'the log deleted, running', isLong: true, on: 'running', inflict: (home) => rmSync(log(home)) },
  { name: 'emptied, running', on: 'running', inflict: (home) => truncateSync(database(home), 0) },
  {
    name: 'cut, running',
    on: 'running',
    inflict: (home, random) =>
      truncateSync(database(home), random.below(readFileSync(database(home)).length)),
  },
  {
    name: 'replaced, running',
    on: 'running',
    inflict: (home, _, { earlier }) => {
      copyFileSync(database(earlier), `${database(home)}.new`);
      renameSync(`${database(home)}.new`, database(home));
    },
  },
];

function putOver(home: string, other: string): void {
  rmSync(database(home));
  copyFileSync(other, database(home));
}

function foreign(home: string): string {
  const path = join(home, 'foreign.db');
  const other = new Database(path);
  other.run('CREATE TABLE notes (text TEXT)');
  other.run("INSERT INTO notes VALUES ('of another program')");
  other.close();
  return path;
}
