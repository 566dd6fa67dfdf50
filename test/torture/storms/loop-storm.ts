/**
 * Agents told to answer everything, two, ten and a hundred of them (design §5, loop guard): whichever way they
 * answer, nothing goes on without end, everyone who is held or refused is told why, and so is the person.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance } from '../chance.ts';
import { badLogLines } from '../daemon-facts.ts';
import { keyOf, lineClient, type LineClient } from '../line-client.ts';
import { openAnswerer, type Answerer, type Storm, type Way } from './storm-agent.ts';

interface Scene {
  readonly agents: number;
  /** Taken in turn by the agents. */
  readonly ways: readonly Way[];
  /** A script that answers everything too, in the middle. */
  readonly script?: true;
  /** The guard's allowance fills faster and is smaller: as long a storm, in less time. */
  readonly hurried?: true;
}

const hurry = [
  ['guard.ratePerMinute', '100'],
  ['guard.burst', '3'],
] as const;

/** Messages that may follow from one another (design §5); with scripts between them, half of them are a script's. */
const DEPTH = 30;
/** What was sent has been read and answered by then. */
const LIVELY_MS = 400;
/** Who is to try again later has done so by then. */
const PATIENT_MS = { short: 7_000, long: 20_000 } as const;
const LONGEST_MS = { short: 60_000, long: 600_000 } as const;
const MANY = 20;
/** How many notices of one storm a person may get. */
const MOST_NOTICES = 6;

const alone: readonly Way[] = [
  'replies',
  'sends',
  'asks',
  'looks',
  'leases',
  'later',
  'renames',
  'registers',
  'reconnects',
];

function scenesOf({ form, seed }: AttackParts): readonly Scene[] {
  const slow: readonly Way[] = ['renames', 'registers', 'reconnects'];
  const hurried = { hurried: true } as const;
  const two = alone.map((way): Scene => ({ agents: 2, ways: [way], ...(slow.includes(way) && hurried) }));
  const through: Scene = { agents: 2, ways: ['sends'], script: true };
  const mixed: Way[] = ['replies', 'several', 'topic', 'renames', 'sends', 'reconnects'];
  if (form === 'short') {
    const some = chance(seed);
    const pairs = [...new Set<Way>(['reconnects', some.pick(alone), some.pick(alone)])];
    return [
      ...two.filter(({ ways: [way = 'replies'] }) => pairs.includes(way)),
      through,
      { agents: 10, ways: mixed, ...hurried },
      { agents: 100, ways: ['topic', 'replies', 'several', 'everybody'], ...hurried },
    ];
  }
  return [
    ...two,
    through,
    ...two.map(({ ways }): Scene => ({ agents: 10, ways })),
    { agents: 10, ways: mixed },
    { agents: 100, ways: ['topic'] },
    { agents: 100, ways: ['everybody'] },
    { agents: 100, ways: [...mixed, ...alone, 'everybody'] },
  ];
}

async function run(parts: AttackParts): Promise<Figures> {
  const total = { scenes: 0, sent: 0, stored: 0, held: 0, refused: 0, deepest: 0, 'quiet ms': 0, notices: 0 };
  const seen = async (scene: Scene, index: number): Promise<void> => {
    const found = await play(scene, parts, chance(parts.seed + index));
    const title = `${scene.agents} agents, ${scene.ways.join(' ')}${scene.script ? ', a script between' : ''}`;
    parts.say(`${title}: ${JSON.stringify(found)}`);
    total.scenes += 1;
    for (const key of ['sent', 'stored', 'held', 'refused', 'notices'] as const) total[key] += found[key];
    for (const key of ['deepest', 'quiet ms'] as const) total[key] = Math.max(total[key], found[key]);
  };
  const scenes = scenesOf(parts);
  // Each has a daemon of its own, and most of the time waits for its allowance.
  if (parts.form === 'short') await Promise.all(scenes.map(seen));
  else for (const [index, scene] of scenes.entries()) await seen(scene, index);
  return total;
}

interface Seen {
  sent: number;
  stored: number;
  held: number;
  refused: number;
  deepest: number;
  'quiet ms': number;
  notices: number;
}

async function play(scene: Scene, { form }: AttackParts, luck: ReturnType<typeof chance>): Promise<Seen> {
  await using machine = await openMachine();
  if (scene.hurried === true)
    for (const [setting, value] of hurry) await machine.ok(['config', 'set', setting, value]);
  await machine.ok(['daemon', 'start']);
  const socket = join(machine.home, 'ipc.sock');
  using person = await lineClient(socket, { kind: 'human', name: 'olga', key: keyOf('olga') });
  const names = Array.from({ length: scene.agents }, (_, number) => `agent${number}`);
  if (scene.script) names.push('script');
  const storm: Storm = {
    socket,
    chance: luck,
    names,
    stopped: false,
    sent: 0,
    stored: 0,
    held: 0,
    refused: 0,
    untold: [],
    deepest: 0,
    quietSince: performance.now(),
    busy: 0,
  };
  const answerers: Answerer[] = [];
  for (const [number, name] of names.entries()) {
    const way = scene.ways[number % scene.ways.length] ?? 'replies';
    const kind = name === 'script' ? 'script' : 'agent';
    answerers.push(await openAnswerer(storm, { name, way, kind }));
  }
  const begun = performance.now();
  for (const answerer of answerers.slice(0, Math.max(1, scene.agents / 10))) await answerer.say(1);
  const patience = { limit: LONGEST_MS[form], patient: PATIENT_MS[form], what: JSON.stringify(scene) };
  await untilQuiet(storm, patience);
  const quiet = Math.round(storm.quietSince - begun);
  const deepest = scene.script ? 2 * DEPTH : DEPTH;
  if (storm.deepest >= deepest) throw new Error(`${storm.deepest} messages followed from one another`);
  if (storm.held === 0) throw new Error(`nothing was held of ${JSON.stringify(scene)}`);
  const notices = await personTold(person);

  // A crowd's would be the whole storm once more.
  if (form === 'long' || scene.agents === 2) await released(machine, storm, { person, patience });
  storm.stopped = true;
  await Promise.all(answerers.map(({ done }) => done));
  if (storm.untold.length > 0)
    throw new Error(`nobody was told why: ${storm.untold.slice(0, 5).join(' | ')}`);
  await mustBeCalm(machine);
  const { sent, stored, held, refused } = storm;
  return { sent, stored, held, refused, deepest: storm.deepest, 'quiet ms': quiet, notices };
}

interface Patience {
  readonly limit: number;
  readonly patient: number;
  readonly what: string;
}

async function untilQuiet(storm: Storm, { limit, patient, what }: Patience): Promise<void> {
  const end = performance.now() + limit;
  const quiet = (): boolean => {
    const since = performance.now() - storm.quietSince;
    return since > patient || (storm.busy === 0 && since > LIVELY_MS);
  };
  while (!quiet()) {
    if (performance.now() > end)
      throw new Error(`after ${limit} ms it still goes on: ${what}, ${storm.stored} let through`);
    await Bun.sleep(20);
  }
}

interface Mail {
  readonly id: string;
  readonly attempt: number;
  readonly body: string;
  readonly from: { readonly kind: string };
}

/** By mail, a few times at most; returns how often. */
async function personTold(person: LineClient): Promise<number> {
  const reader = 'storm-person';
  let notices = 0;
  // What was said to everybody lies before them.
  for (;;) {
    const { messages } = await person.call<{ messages: readonly Mail[] }>('check', {
      reader,
      limit: 1_000,
      bytes: 524_288,
    });
    if (messages.length === 0) break;
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await person.call('confirm', { reader, door: 'cli', stage: 'handed', deliveries });
    notices += messages.filter(({ from, body }) => from.kind === 'system' && /ipc release/.test(body)).length;
  }
  if (notices === 0) throw new Error('the person was not told');
  if (notices > MOST_NOTICES) throw new Error(`the person was told ${notices} times`);
  return notices;
}

/** The person lets one agent's messages through: it goes on, from a new beginning, and ends again. */
async function released(
  machine: Machine,
  storm: Storm,
  { person, patience }: { person: LineClient; patience: Patience },
): Promise<void> {
  const who = await machine.json<{ agents: { name: string; held: number }[] }>(['who', '--all']);
  const stuck = who.agents.find(({ held }) => held > 0);
  if (stuck === undefined) throw new Error('ipc who shows nobody for whom something is held');
  const [before, stored, held] = [storm.deepest, storm.stored, storm.held];
  storm.quietSince = performance.now();
  const whose = storm.names.length > MANY ? { name: stuck.name } : {};
  const { released: count } = await person.call('release', whose);
  if (Number(count) < stuck.held)
    throw new Error(`${stuck.held} were held for ${stuck.name}, ${String(count)} let through`);
  await untilQuiet(storm, { ...patience, what: `${patience.what} after a release` });
  if (storm.stored === stored) throw new Error('nothing went on after the release');
  if (storm.deepest > before + 2 * DEPTH) throw new Error(`after the release it went on to ${storm.deepest}`);
  if (storm.held > held) await personTold(person);
}

/** Hundredths of a second the daemon has worked. */
async function worked(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

const CALM_MS = 500;

async function mustBeCalm(machine: Machine): Promise<void> {
  const pid = await machine.daemonPid();
  const { code, stdout } = await machine.run(['doctor']);
  if (code !== 0) throw new Error(`the doctor says ${stdout}${(await badLogLines(machine.home)).join('\n')}`);
  const before = await worked(pid);
  await Bun.sleep(CALM_MS);
  const share = ((await worked(pid)) - before) / (CALM_MS / 10);
  if (share > 0.3)
    throw new Error(`after the storm the daemon works ${Math.round(share * 100)} % of the time`);
}

export const loopStorm: Attack = {
  name: 'loop-storm',
  promise:
    'agents told to answer everything come to an end by themselves, and all are told why, the person too',
  missing: () => (process.platform === 'linux' ? undefined : 'no /proc'),
  shortMs: 150_000,
  run,
};
