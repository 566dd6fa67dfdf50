/**
 * Agents told to answer everything, two, ten and a hundred of them (design §5, loop guard): whichever way they
 * answer, nothing goes on without end, everyone who is held or refused is told why, and so is the person.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine, type Machine } from '../e2e/machine.ts';
import type { Attack, AttackParts, Figures } from './attack.ts';
import { chance } from './chance.ts';
import { openPeer, type Peer } from './peer.ts';
import { openAnswerer, type Answerer, type Storm, type Way } from './storm-agent.ts';

interface Scene {
  readonly agents: number;
  /** Taken in turn by the agents. */
  readonly ways: readonly Way[];
  /** A script that answers everything too, in the middle. */
  readonly script?: true;
}

/** Messages that may follow from one another (design §5); with scripts between them, half of them are a script's. */
const DEPTH = 30;
const LIVELY_MS = 1_200;
const LONGEST_MS = { short: 20_000, long: 180_000 } as const;
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
  const two = alone.map((way): Scene => ({ agents: 2, ways: [way] }));
  const through: Scene = { agents: 2, ways: ['sends'], script: true };
  const mixed: Way[] = ['replies', 'several', 'topic', 'renames', 'sends', 'reconnects'];
  if (form === 'short') {
    const some = chance(seed);
    const pairs = [...new Set(['reconnects', 'renames', some.pick(alone), some.pick(alone)])];
    return [
      ...two.filter(({ ways: [way = 'replies'] }) => pairs.includes(way)),
      through,
      { agents: 10, ways: mixed },
      { agents: 100, ways: ['topic', 'replies', 'several', 'everybody'] },
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
  for (const [index, scene] of scenesOf(parts).entries()) {
    const found = await play(scene, parts, chance(parts.seed + index));
    const title = `${scene.agents} agents, ${scene.ways.join(' ')}${scene.script ? ', a script between' : ''}`;
    parts.say(`${title}: ${JSON.stringify(found)}`);
    total.scenes += 1;
    for (const key of ['sent', 'stored', 'held', 'refused', 'notices'] as const) total[key] += found[key];
    for (const key of ['deepest', 'quiet ms'] as const) total[key] = Math.max(total[key], found[key]);
  }
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
  await machine.ok(['daemon', 'start']);
  const socket = join(machine.home, 'ipc.sock');
  using person = await openPeer({ socket, kind: 'human', name: 'olga' });
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
  };
  const answerers: Answerer[] = [];
  for (const [number, name] of names.entries()) {
    const way = scene.ways[number % scene.ways.length] ?? 'replies';
    const kind = name === 'script' ? 'script' : 'agent';
    answerers.push(await openAnswerer(storm, { name, way, kind }));
  }
  const begun = performance.now();
  for (const answerer of answerers.slice(0, Math.max(1, scene.agents / 10))) await answerer.say(1);
  const limit = LONGEST_MS[form];
  await untilQuiet(storm, { limit, what: JSON.stringify(scene) });
  const quiet = Math.round(storm.quietSince - begun);
  const deepest = scene.script ? 2 * DEPTH : DEPTH;
  if (storm.deepest >= deepest) throw new Error(`${storm.deepest} messages followed from one another`);
  const notices = await personTold(person);
  if (storm.held === 0) throw new Error(`nothing was held of ${JSON.stringify(scene)}`);

  await released(machine, storm, { person, limit });
  storm.stopped = true;
  await Promise.all(answerers.map(({ done }) => done));
  if (storm.untold.length > 0)
    throw new Error(`nobody was told why: ${storm.untold.slice(0, 5).join(' | ')}`);
  await mustBeCalm(machine);
  const { sent, stored, held, refused } = storm;
  return { sent, stored, held, refused, deepest: storm.deepest, 'quiet ms': quiet, notices };
}

async function untilQuiet(storm: Storm, { limit, what }: { limit: number; what: string }): Promise<void> {
  const end = performance.now() + limit;
  while (performance.now() - storm.quietSince < LIVELY_MS) {
    if (performance.now() > end)
      throw new Error(`after ${limit} ms it still goes on: ${what}, ${storm.stored} let through`);
    await Bun.sleep(20);
  }
}

/** By mail, a few times at most; returns how often. */
async function personTold(person: Peer): Promise<number> {
  const reader = 'storm-person';
  const got = await person.call('check', { reader, limit: 1_000, bytes: 524_288 });
  const messages = got['messages'] as { id: string; attempt: number; body: string; from: { kind: string } }[];
  const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
  if (deliveries.length > 0)
    await person.call('confirm', { reader, door: 'cli', stage: 'handed', deliveries });
  const notices = messages.filter(({ from, body }) => from.kind === 'system' && /ipc release/.test(body));
  if (notices.length === 0 && process.env['LAX'] === undefined) throw new Error('the person was not told');
  if (notices.length > MOST_NOTICES) throw new Error(`the person was told ${notices.length} times`);
  return notices.length;
}

/** The person lets one agent's messages through: it goes on, from a new beginning, and ends again. */
async function released(
  machine: Machine,
  storm: Storm,
  { person, limit }: { person: Peer; limit: number },
): Promise<void> {
  const who = await machine.json<{ agents: { name: string; held: number }[] }>(['who', '--all']);
  const stuck = who.agents.find(({ held }) => held > 0);
  if (stuck === undefined) throw new Error('ipc who shows nobody for whom something is held');
  const [before, stored] = [storm.deepest, storm.stored];
  storm.quietSince = performance.now();
  const { released: count } = await person.call('release', { name: stuck.name });
  if (count !== stuck.held)
    throw new Error(`${stuck.held} were held for ${stuck.name}, ${String(count)} let through`);
  await untilQuiet(storm, { limit, what: 'after release' });
  if (storm.stored === stored) throw new Error('nothing went on after the release');
  if (storm.deepest > before + 2 * DEPTH) throw new Error(`after the release it went on to ${storm.deepest}`);
  await personTold(person);
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
  await machine.ok(['doctor']);
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
  shortMs: 60_000,
  run,
};
