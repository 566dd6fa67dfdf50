/**
 * A day and the weeks before it, with a clock that the attack turns: the daemon's own broker, janitor and store
 * on a real file, and somebody who goes on sending while time does its work.
 */
import { Database } from 'bun:sqlite';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Broker, type OpenSession } from '../../../src/core/broker.ts';
import { defaultPolicy } from '../../../src/core/policy.ts';
import { LocalWake } from '../../../src/core/wake.ts';
import { Janitor } from '../../../src/daemon/janitor.ts';
import { operations, type Input } from '../../../src/protocol/operations.ts';
import { openStore } from '../../../src/store/open.ts';
import { systemIds } from '../../../src/system/ids.ts';
import { keyOf, noBlobs } from '../../core/world.ts';
import type { Figures } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';

export interface Life {
  readonly messages: number;
  readonly names: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How long the mail was written over; a little less than retention. */
const WEEKS = 29 * DAY;
const YEAR = 365 * DAY;
const BATCH = 500;
const WORDS = 'tests are green on main the build took longer than before please look at the log ';

/** Time as it is, moved on by the attack. */
class MovedClock {
  /** It begins before the mail was written. */
  #moved = -WEEKS;
  readonly now = (): number => Date.now() + this.#moved;
  readonly mono = (): number => performance.now() + this.#moved + YEAR;
  readonly turn = (run: () => void): void => void setImmediate(run);

  readonly #timers = new Map<NodeJS.Timeout, { readonly at: number; readonly run: () => void }>();

  after(milliseconds: number, run: () => void): () => void {
    const wait = Math.min(Math.max(0, milliseconds), 2_000_000_000);
    const timer = setTimeout(() => this.#fire(timer, run), wait);
    this.#timers.set(timer, { at: this.mono() + wait, run });
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  move(milliseconds: number): void {
    this.#moved += milliseconds;
    for (const [timer, { at, run }] of this.#timers) if (at <= this.mono()) this.#fire(timer, run);
  }

  #fire(timer: NodeJS.Timeout, run: () => void): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
    run();
  }
}

interface World {
  readonly clock: MovedClock;
  readonly broker: Broker;
  readonly janitor: Janitor;
  readonly luck: Chance;
  /** Milliseconds of work of each visit of the janitor; on a busy machine its duration says little. */
  readonly visits: number[];
  /** Time goes on by so much; resolves when nothing is due any more. */
  pass(milliseconds: number): Promise<void>;
}

export async function liveThrough(life: Life): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-life-'));
  try {
    return await inFolder(join(folder, 'ipc.db'), life);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inFolder(path: string, life: Life): Promise<Figures> {
  const store = await openStore({ path });
  const clock = new MovedClock();
  const visits: number[] = [];
  const idle = { more: true, running: false, since: 0 };
  const broker: Broker = new Broker({
    store,
    blobs: noBlobs,
    wake: new LocalWake(),
    clock,
    ids: systemIds,
    processes: { alive: () => false },
    policy: () => defaultPolicy,
    due: (at) => janitor.due(at),
    control: {
      status: () => {
        throw new Error('nobody asks');
      },
      stop: () => undefined,
      reload: async () => undefined,
      examine: async () => {
        throw new Error('nobody asks');
      },
    },
  });
  const janitor: Janitor = new Janitor({
    clock,
    tend: async () => {
      idle.running = true;
      const begun = process.cpuUsage();
      const tended = await broker.tend();
      const { user, system } = process.cpuUsage(begun);
      visits.push((user + system) / 1_000);
      idle.more = tended.more;
      idle.running = false;
      return tended;
    },
    tidy: async () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  const world: World = {
    clock,
    broker,
    janitor,
    visits,
    luck: chance(life.seed),
    pass: async (milliseconds) => {
      idle.more = true;
      clock.move(milliseconds);
      while (idle.more || idle.running) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
  const figures = await live(world, path, life);
  await janitor[Symbol.asyncDispose]();
  await store.close();
  return figures;
}

const enter = (world: World, name: string): Promise<OpenSession> =>
  world.broker.open({
    caller: { client: 'life', kind: 'script', pid: 1 },
    credential: { name, key: keyOf(name) },
  });
const send = (session: OpenSession, input: Input<'send'>) =>
  session.handlers.send(operations.send.input.parse(input), {});

const QUIET_MS = 2_000;
const STEPS = 48;
const DAYS_ASLEEP = 10;
const MIB = 1_048_576;

async function live(world: World, path: string, life: Life): Promise<Figures> {
  const sessions: OpenSession[] = [];
  for (let number = 0; number < life.names; number += 1) sessions.push(await enter(world, `name-${number}`));
  await passers(world);
  await fill(world, sessions, life);
  const stored = (await stat(path)).size;
  await world.pass(MINUTE);
  const [sender] = sessions;
  if (sender === undefined) throw new Error('wanted a sender');
  await somePause(sessions);
  let wal = 0;
  const passing = (milliseconds: number, times: number) => async (): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      await world.pass(milliseconds);
      wal = Math.max(wal, (await stat(`${path}-wal`)).size);
    }
  };
  const quietly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const quiet = await sending(world, sender, life, quietly);
  life.say(`quiet: ${inWords(quiet)}`);
  world.visits.length = 0;
  const day = await sending(world, sender, life, passing(DAY / STEPS, STEPS));
  life.say(`a day: ${inWords(day)}; ${inShares(world.visits)}`);
  mustBeDone(path, world.clock);
  // The machine slept: what fell due meanwhile does so at once, and old mail goes an hour later.
  await world.pass(DAYS_ASLEEP * DAY);
  const asleep = await sending(world, sender, life, passing(HOUR, 3));
  life.say(`${DAYS_ASLEEP} days at once: ${inWords(asleep)}; ${inShares(world.visits)}`);
  mustBeDone(path, world.clock);
  mustBeCalm({ quiet, day, asleep, visits: world.visits });
  const emptied = (await stat(path)).size;
  for (let sent = 0; sent < life.messages / 10; sent += BATCH)
    await Promise.all(Array.from({ length: BATCH }, (_, n) => write(world, sessions, sent + n)));
  await world.pass(MINUTE);
  return {
    'p99 quiet ms': round(quiet.p99),
    'longest quiet ms': round(quiet.longest),
    'p99 in a day ms': round(day.p99),
    'longest in a day ms': round(day.longest),
    'p99 after a sleep ms': round(asleep.p99),
    shares: world.visits.length,
    'share p50 ms of work': round(percentile(world.visits, 0.5)),
    'share p99 ms of work': round(percentile(world.visits, 0.99)),
    'day store MiB': round(stored / MIB),
    'day WAL MiB': round(wal / MIB),
    'grown by refilling MiB': round(((await stat(path)).size - emptied) / MIB),
  };
}

/** Sessions that nobody named, long gone when the day comes. */
async function passers({ broker }: World): Promise<void> {
  for (let number = 0; number < 200; number += 1) {
    const session = await broker.open({ caller: { client: 'life', kind: 'agent', pid: 1 } });
    const key = keyOf(`passer ${number}`);
    await session.handlers.register(operations.register.input.parse({ key, kind: 'agent', hold: true }), {});
    await session.close('gone');
  }
}

async function somePause(sessions: readonly OpenSession[]): Promise<void> {
  for (const [number, session] of sessions.slice(1, 40).entries())
    await session.handlers.pause(operations.pause.input.parse({ seconds: 600 * (number + 1) }), {});
}

async function fill(world: World, sessions: readonly OpenSession[], life: Life): Promise<void> {
  const begun = performance.now();
  const seconds = (): number => Math.round((performance.now() - begun) / 1000);
  for (let stored = 0; stored < life.messages; stored += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, (_, n) => write(world, sessions, stored + n)));
    if (stored % (BATCH * 4) === 0) await read(world, sessions);
    world.clock.move((WEEKS * BATCH) / life.messages);
    if (stored % 100_000 === 0) life.say(`${stored} messages, ${seconds()} s`);
  }
  life.say(`stored ${life.messages} for ${life.names} names in ${seconds()} s`);
}

/** What should have happened by now, and has not. */
const LEFT = {
  'not let through in time': 'SELECT count(*) AS count FROM delivery WHERE due_at <= ?1',
  'not expired in time': `SELECT count(*) AS count FROM delivery
    WHERE expires_at <= ?1 AND state IN ('queued', 'offered', 'held')`,
  'paused for too long': 'SELECT count(*) AS count FROM agent WHERE paused_until <= ?1',
  'kept though old and finished': `SELECT count(*) AS count FROM message WHERE sent_at < ?1 - ${31 * DAY}
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = seq AND state IN ('queued', 'offered', 'held', 'dead'))`,
  'still here though nobody named or missed them': `SELECT count(*) AS count FROM agent
    WHERE auto_named = 1 AND name_key IS NOT NULL AND ?1 > 0`,
} as const;

function mustBeDone(path: string, clock: MovedClock): void {
  using database = new Database(path, { readonly: true });
  for (const [what, text] of Object.entries(LEFT)) {
    const { count } = database.query(text).get(clock.now()) as { count: number };
    if (count > 0) throw new Error(`${count} ${what}`);
  }
}

/** Generous, for a busy machine: what is meant is a share of the work that grows with what is stored. */
function mustBeCalm(found: {
  quiet: Latency;
  day: Latency;
  asleep: Latency;
  visits: readonly number[];
}): void {
  const { quiet, day, asleep, visits } = found;
  const usual = percentile(visits, 0.5);
  if (usual > 50) throw new Error(`a share of the work took ${round(usual)} ms as a rule`);
  for (const { p50 } of [day, asleep])
    if (p50 > 5 * quiet.p50 + 10) throw new Error(`sends took ${round(quiet.p50)} ms, then ${round(p50)} ms`);
}

async function write(world: World, sessions: readonly OpenSession[], number: number): Promise<void> {
  const { luck, clock } = world;
  const from = luck.pick(sessions);
  const what = luck.below(100);
  const to = what < 3 ? `unborn-${luck.below(500)}` : `name-${luck.below(sessions.length)}`;
  const body = `word${number} ${WORDS}`;
  const later = new Date(clock.now() + WEEKS + luck.below(DAY)).toISOString();
  const more: Partial<Input<'send'>> =
    what < 6
      ? { expiresAt: later }
      : what < 9
        ? { notBefore: later }
        : what < 12
          ? { intent: 'request' }
          : {};
  await send(from, { to: [to], body, ...more });
}

async function read(world: World, sessions: readonly OpenSession[]): Promise<void> {
  for (let reads = 0; reads < Math.min(50, sessions.length); reads += 1) {
    const session = world.luck.pick(sessions);
    const { messages } = await session.handlers.check(
      operations.check.input.parse({ reader: 'life-reader', bytes: 500_000 }),
      {},
    );
    if (messages.length === 0) continue;
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    await session.handlers.confirm({ reader: 'life-reader', door: 'cli', stage: 'handed', deliveries }, {});
  }
}

interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

async function sending(
  world: World,
  sender: OpenSession,
  life: Life,
  during: () => Promise<void>,
): Promise<Latency> {
  const samples: number[] = [];
  let isDone = false;
  const work = during().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const begun = performance.now();
    const to = `name-${world.luck.below(life.names)}`;
    await send(sender, { to: [to], body: `now ${samples.length} ${WORDS}` });
    samples.push(performance.now() - begun);
    // At a pace: what is looked for is who waits for the sweep, not how much can be sent.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await work;
  const at = (share: number): number => percentile(samples, share);
  return { count: samples.length, p50: at(0.5), p99: at(0.99), longest: at(1) };
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const round = (number: number): number => Math.round(number * 10) / 10;

function inWords({ count, p50, p99, longest }: Latency): string {
  return `${count} sends, p50 ${round(p50)}, p99 ${round(p99)}, longest ${round(longest)} ms`;
}

function inShares(visits: readonly number[]): string {
  const [usual, long, longest] = [0.5, 0.99, 1].map((share) => round(percentile(visits, share)));
  return `${visits.length} shares of work, p50 ${usual}, p99 ${long}, longest ${longest} ms`;
}
