/** Damage to the files of the store: said, never passed over; and what can be read is saved by the repair. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openMachine, type Result } from '../../e2e/machine.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { damages, type Damage } from './damage-kinds.ts';
import {
  AGENTS,
  copyHome,
  openStock,
  placesOf,
  untouched,
  type AgentName,
  type Letter,
  type Stock,
} from './damage-store.ts';

export const damage: Attack = {
  name: 'damage',
  promise:
    'a damaged store is said to be damaged, loses nothing in silence, and every readable message is saved',
  shortMs: 240_000,
  run: attack,
};

const kinds = { short: damages.filter(({ isLong }) => isLong !== true), long: damages } as const;
const rounds = { short: kinds.short.length, long: 300 } as const;

interface Tally {
  damages: number;
  harmless: number;
  refused: number;
  foundInUse: number;
  foundByDoctor: number;
  readable: number;
  saved: number;
  savedBeyond: number;
  lost: number;
  lostAndCounted: number;
  shownAltered: number;
  slowestRepairMs: number;
}

async function attack({ form, seed, say }: AttackParts): Promise<Figures> {
  const random = chance(seed);
  await using machine = await openMachine();
  const stock = await openStock(machine, form, random);
  const tally: Tally = {
    damages: 0,
    harmless: 0,
    refused: 0,
    foundInUse: 0,
    foundByDoctor: 0,
    readable: 0,
    saved: 0,
    savedBeyond: 0,
    lost: 0,
    lostAndCounted: 0,
    shownAltered: 0,
    slowestRepairMs: 0,
  };
  for (let nth = 0; nth < rounds[form]; nth += 1) {
    const kind = kinds[form][nth % kinds[form].length];
    if (kind === undefined) throw new Error('wanted a kind of damage');
    // Each its own seed, so that one that failed can be told and tried alone.
    const own = random.below(2 ** 31);
    try {
      await inflict(stock, kind, { random: chance(own), nth, tally });
    } catch (error) {
      throw new Error(
        `damage ${nth} (${kind.name}): ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
    if (nth % 25 === 24) say(`${nth + 1} damages: ${JSON.stringify(tally)}`);
  }
  return { ...tally, silentlyAccepted: 0 };
}

interface Mail {
  readonly messages: readonly {
    readonly body: string;
    readonly again: boolean;
    readonly from: { readonly name: string };
  }[];
}

interface Report {
  readonly repair: {
    readonly done: string;
    readonly lost: Readonly<Record<'messages' | 'unread' | 'numbers' | 'places', number>>;
    readonly altered: readonly string[];
    readonly seconds: number;
  };
  readonly findings: readonly { readonly state: string; readonly what: string; readonly found: string }[];
}

interface Trial {
  readonly random: Chance;
  readonly nth: number;
  readonly tally: Tally;
}

async function inflict(stock: Stock, kind: Damage, { random, nth, tally }: Trial): Promise<void> {
  const { machine } = stock;
  const original = kind.on === 'killed' ? stock.killed : stock.closed;
  const home = join(machine.directory, `t${nth}`);
  copyHome(original, home);
  const run = (args: readonly string[]): Promise<Result> => machine.run(args, { env: { IPC_HOME: home } });
  try {
    if (kind.on === 'running') await run(['daemon', 'start']);
    const places = placesOf(home, stock.letters);
    const before = join(machine.directory, `b${nth}`);
    copyHome(home, before);
    kind.inflict(home, random, stock);
    const readable = [...places].filter(([, at]) => untouched(at, before, home)).map(([letter]) => letter);
    rmSync(before, { recursive: true });
    // Messages are there whose places the copy cannot know: in a file that only the daemon still has.
    const got = new Map<Letter, number>();
    const inUse = await use({ run, stock, got, there: [...places.keys()] });
    const doctor = await run(['doctor', '--json']);
    const isFound = doctor.code !== 0;
    const repaired = await run(['doctor', '--repair', '--json']);
    if (repaired.code !== 0)
      throw new Error(`the repair ended with ${repaired.code}: ${repaired.stdout}${repaired.stderr}`);
    const { repair } = JSON.parse(repaired.stdout) as Report;
    await readAll({ run, stock, got, report: repair });
    const missing = readable.filter((letter) => !got.has(letter));
    if (missing.length > 0)
      throw new Error(`${missing.length} of ${readable.length} readable letters were not saved`);
    const gone = places.size - got.size;
    const { messages, unread, numbers, places: unreadable } = repair.lost;
    const toldOf = messages + unread + numbers + repair.altered.length;
    // Where even the indexes are gone nobody can count; that something is lost must still be said.
    if (gone > toldOf && unreadable === 0)
      throw new Error(`${gone} letters are gone and the repair says ${JSON.stringify(repair)}`);
    if ((gone > 0 || inUse.altered > 0) && !isFound && inUse.errors === 0)
      throw new Error(`${gone} letters gone, ${inUse.altered} altered, and nobody said so: ${doctor.stdout}`);
    tally.damages += 1;
    if (inUse.errors === AGENTS.length) tally.refused += 1;
    else if (inUse.errors > 0) tally.foundInUse += 1;
    else if (isFound) tally.foundByDoctor += 1;
    else tally.harmless += 1;
    tally.readable += readable.length;
    tally.saved += readable.length;
    tally.savedBeyond += got.size - readable.length;
    tally.lost += gone;
    tally.lostAndCounted += Math.min(gone, toldOf);
    tally.shownAltered += inUse.altered;
    tally.slowestRepairMs = Math.max(tally.slowestRepairMs, Math.round(repair.seconds * 1_000));
  } finally {
    await run(['daemon', 'stop']);
    rmSync(home, { recursive: true, force: true });
  }
}

interface Asking {
  readonly run: (args: readonly string[]) => Promise<Result>;
  readonly stock: Stock;
  /** How often each was shown as it was sent. */
  readonly got: Map<Letter, number>;
}

/** Everybody looks into their mailbox: all of it, or an error that says what to run. */
async function use({ run, stock, got, there }: Asking & { readonly there: readonly Letter[] }) {
  const seen = { errors: 0, altered: 0 };
  const look = async (name: AgentName): Promise<void> => {
    const answer = await run(['check', '--as', name, '--all', '--limit', '1000', '--json']);
    if (answer.code !== 0) {
      expectHint(answer);
      seen.errors += 1;
      // What came before the damage was met is handed over, and does not come again.
      seen.altered += take(answer, stock, got, name).altered;
      return;
    }
    const { altered } = take(answer, stock, got, name);
    seen.altered += altered;
    const mine = there.filter(({ to }) => to === name);
    const met = mine.filter((letter) => got.has(letter)).length + altered;
    if (met < mine.length) throw new Error(`${name} was shown ${met} of ${mine.length} letters and no error`);
  };
  await Promise.all(AGENTS.map(look));
  return seen;
}

function expectHint({ stdout, stderr, code }: Result): void {
  const { error } = JSON.parse(linesOf(stdout).at(-1) ?? '') as { error: { code: string; hint: string } };
  if (code !== 69 || error.code !== 'store_damaged' || !error.hint.startsWith('ipc '))
    throw new Error(`wanted store_damaged and what to run, found ${stdout}${stderr}`);
}

/** The mail, and after it what went wrong when it was confirmed. */
function linesOf(stdout: string): readonly string[] {
  return stdout.trimEnd().split('\n');
}

function take({ stdout }: Result, { letters }: Stock, got: Map<Letter, number>, name: AgentName) {
  const byBody = new Map(letters.map((letter) => [letter.body, letter]));
  let altered = 0;
  for (const { body, again, from } of linesOf(stdout).flatMap(messagesIn)) {
    if (from.name === 'system') continue;
    const letter = byBody.get(body);
    if (letter?.to !== name) {
      altered += 1;
      continue;
    }
    const times = got.get(letter) ?? 0;
    if (times > 0 && !again) throw new Error(`${letter.token} was shown twice and not marked`);
    got.set(letter, times + 1);
  }
  return { altered };
}

function messagesIn(line: string): Mail['messages'] {
  return (JSON.parse(line) as Partial<Mail>).messages ?? [];
}

/** After the repair every mailbox opens, to its end. */
async function readAll({
  run,
  stock,
  got,
  report,
}: Asking & { readonly report: Report['repair'] }): Promise<void> {
  let altered = 0;
  const empty = async (name: AgentName): Promise<void> => {
    for (;;) {
      const answer = await run(['check', '--as', name, '--all', '--limit', '1000', '--json']);
      if (answer.code !== 0)
        throw new Error(`after the repair ${name} is told ${answer.stdout}${answer.stderr}`);
      if ((JSON.parse(answer.stdout) as Mail).messages.length === 0) return;
      altered += take(answer, stock, got, name).altered;
    }
  };
  await Promise.all(AGENTS.map(empty));
  if (altered > report.altered.length)
    throw new Error(
      `${altered} letters are not as they were sent, the repair knows of ${report.altered.length}`,
    );
}
