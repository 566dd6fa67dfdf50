/**
 * The compiled daemon after a long life: many names, much mail, a thousand sessions that only stay, and a coming
 * and going of others; asked the same before and after, so that what is compared is the same machine.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine, type Machine } from '../../e2e/machine.ts';
import type { Figures } from '../attack.ts';
import { memoryOf, openFiles, processorSeconds } from '../daemon-facts.ts';
import type { Life } from './life-day.ts';
import { keyOf, lineClient, type LineClient } from '../line-client.ts';

export interface LongLife extends Life {
  readonly idle: number;
  readonly comings: number;
}

const WRITERS = 32;
const WORDS = 'tests are green on main the build took longer than before please look at the log';
/** A WAL that nothing hinders is a few of the 2,000 pages after which it is written back. */
const MOST_WAL_MIB = 64;
/** What a daemon may grow by, all its tables warm, over all the comings and goings. */
const MOST_GROWTH_MIB = 24;
const LOG_BYTES = 4_096;

interface Stage {
  readonly machine: Machine;
  readonly socket: string;
  readonly pid: number;
  readonly life: LongLife;
  readonly writers: readonly LineClient[];
  sent: number;
  /** Names that somebody had. */
  born: number;
}

export async function growOld(life: LongLife): Promise<Figures> {
  await using machine = await openMachine();
  await machine.ok(['config', 'set', 'maxConnections', String(life.idle + 256)]);
  await machine.ok(['config', 'set', 'log.maxBytes', String(LOG_BYTES)]);
  await machine.ok(['daemon', 'start']);
  const socket = join(machine.home, 'ipc.sock');
  const writers = await Promise.all(
    Array.from({ length: WRITERS }, (_, n) => scriptOf(socket, `writer-${n}`)),
  );
  const stage: Stage = { machine, socket, pid: await machine.daemonPid(), life, writers, sent: 0, born: 0 };
  using wal = watched(join(machine.home, 'ipc.db-wal'));
  const staying: LineClient[] = [];
  try {
    await names(stage, Math.min(100, life.names));
    await write(stage, 2_000);
    const young = await asked(stage);
    life.say(`young: ${inWords(young)}`);
    await names(stage, life.names);
    await write(stage, life.messages);
    for (let n = 0; n < life.idle; n += 1) staying.push(await stay(stage, n));
    const old = await asked(stage);
    life.say(`old: ${inWords(old)}`);
    const size = (await stat(join(machine.home, 'ipc.db'))).size;
    const calm = await idleShare(stage);
    const kept = await comeAndGo(stage);
    const logBytes = await fillLog(stage);
    const copy = await backedUp(stage);
    mustStand({ young, old, kept, calm, wal: wal.mib() });
    return {
      messages: stage.sent,
      names: life.names,
      'idle sessions': life.idle,
      'came and went': life.comings,
      ...ratios(young, old),
      'store MiB': mib(size),
      'WAL at most MiB': wal.mib(),
      'memory MiB': kept.memory,
      'grown MiB': kept.grown,
      'files more': kept.files,
      'idle CPU %': Math.round(calm * 1000) / 10,
      'log bytes': logBytes,
      'longest send in a backup ms': copy.longest,
      'backup ms': copy.took,
    };
  } finally {
    for (const peer of [...writers, ...staying]) peer[Symbol.dispose]();
  }
}

const scriptOf = (socket: string, name: string): Promise<LineClient> =>
  lineClient(socket, { name, key: keyOf(name) });

const mib = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;

function watched(path: string): Disposable & { mib(): number } {
  let most = 0;
  const timer = setInterval(() => {
    void stat(path).then(
      ({ size }) => (most = Math.max(most, size)),
      () => undefined,
    );
  }, 100);
  return { mib: () => mib(most), [Symbol.dispose]: () => clearInterval(timer) };
}

/** Names that somebody had for a moment. */
async function names(stage: Stage, count: number): Promise<void> {
  await inTurn(count, 8, async (n) => {
    using _peer = await scriptOf(stage.socket, `name-${n}`);
  });
  stage.born = count;
}

async function write(stage: Stage, count: number): Promise<void> {
  const { writers, life } = stage;
  const begun = performance.now();
  let told = 0;
  await inTurn(count, WRITERS, async (n, lane) => {
    await send(stage, writers[lane], `name-${(n * 7919) % stage.born}`);
    if (n < told + 100_000) return;
    told = n;
    life.say(`${n} messages, ${Math.round((performance.now() - begun) / 1000)} s`);
  });
}

async function send(stage: Stage, writer: LineClient | undefined, to: string): Promise<number> {
  stage.sent += 1;
  const begun = performance.now();
  await writer?.call('send', { to: [to], body: `word${stage.sent} ${WORDS}` });
  return performance.now() - begun;
}

/** So many pieces of work, some at a time. */
async function inTurn(
  count: number,
  lanes: number,
  work: (n: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let n = next; n < count; n = next) {
        next += 1;
        await work(n, lane);
      }
    }),
  );
}

async function stay({ socket }: Stage, n: number): Promise<LineClient> {
  const peer = await lineClient(socket, { kind: 'agent' });
  await peer.call('register', { name: `idle-${n}`, key: keyOf(`idle-${n}`), kind: 'agent', hold: true });
  return peer;
}

// ---- how quick it is ---------------------------------------------------------------------------------

const QUESTIONS = ['send', 'check', 'history', 'search', 'who', 'whoAll', 'register'] as const;
type Question = (typeof QUESTIONS)[number];
type Quickness = Readonly<Record<Question, { readonly p50: number; readonly p99: number }>>;

async function asked(stage: Stage): Promise<Quickness> {
  const [writer] = stage.writers;
  if (writer === undefined) throw new Error('wanted a writer');
  // The index catches up before it is asked, as it does by itself in time.
  await writer.call('search', { query: 'word1' });
  using reader = await scriptOf(stage.socket, 'name-1');
  let taken = 0;
  const ways: Record<Question, () => Promise<unknown>> = {
    send: () => send(stage, writer, 'name-2'),
    check: () => checked(reader),
    history: () => writer.call('history', { limit: 10 }),
    search: () => writer.call('search', { query: `word${32 * (1 + ((taken += 7) % 50))}` }),
    who: () => writer.call('who', {}),
    whoAll: () => writer.call('who', { all: true }),
    register: () => writer.call('register', { name: 'writer-0', key: keyOf('writer-0'), kind: 'script' }),
  };
  const found: Partial<Record<Question, { p50: number; p99: number }>> = {};
  for (const question of QUESTIONS) {
    const samples: number[] = [];
    for (let round = 0; round < (question === 'whoAll' ? 10 : 100); round += 1) {
      const begun = performance.now();
      await ways[question]();
      samples.push(performance.now() - begun);
    }
    samples.sort((one, other) => one - other);
    const at = (share: number): number => samples[Math.floor(samples.length * share)] ?? 0;
    found[question] = { p50: at(0.5), p99: at(0.99) };
  }
  return found as Quickness;
}

async function checked(reader: LineClient): Promise<void> {
  const { messages } = await reader.call<{ messages: readonly { id: string; attempt: number }[] }>('check', {
    reader: 'life-reader',
    limit: 1,
  });
  const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
  if (deliveries.length > 0)
    await reader.call('confirm', { reader: 'life-reader', door: 'cli', stage: 'handed', deliveries });
}

function inWords(quickness: Quickness): string {
  return QUESTIONS.map((question) => {
    const { p50, p99 } = quickness[question];
    return `${question} ${p50.toFixed(2)}/${p99.toFixed(2)}`;
  }).join(', ');
}

function ratios(young: Quickness, old: Quickness): Figures {
  const pairs = QUESTIONS.map((question): [string, number] => [
    `${question} p50 ×`,
    Math.round((10 * old[question].p50) / young[question].p50) / 10,
  ]);
  return { ...Object.fromEntries(pairs), 'send p99 ms': Math.round(old.send.p99 * 10) / 10 };
}

// ---- what it keeps -----------------------------------------------------------------------------------

const CALM_MS = 2_000;

async function idleShare({ pid }: Stage): Promise<number> {
  const before = await processorSeconds(pid);
  await Bun.sleep(CALM_MS);
  return ((await processorSeconds(pid)) - before) / (CALM_MS / 1000);
}

interface Kept {
  readonly memory: number;
  readonly grown: number;
  readonly files: number;
}

/** Sessions that come, ask and go: the first of them warm it up, and from then on nothing may stay behind. */
async function comeAndGo({ socket, pid, life }: Stage): Promise<Kept> {
  const visit = async (n: number): Promise<void> => {
    const name = `visitor-${n % 500}`;
    using peer = await lineClient(socket, { kind: 'agent' });
    await peer.call('register', { name, key: keyOf(name), kind: 'agent', hold: true });
  };
  const memory = memoryOf(pid);
  await inTurn(Math.ceil(life.comings / 4), 16, visit);
  const warm = { files: await openFiles(pid), memory: await memory.now() };
  await inTurn(life.comings, 16, visit);
  // The last ones' connections are being closed.
  for (let looks = 0; looks < 100 && (await openFiles(pid)) > warm.files; looks += 1) await Bun.sleep(20);
  const now = await memory.now();
  return { memory: now, grown: now - warm.memory, files: (await openFiles(pid)) - warm.files };
}

async function fillLog({ machine, writers }: Stage): Promise<number> {
  for (let lines = 0; lines < 300; lines += 1) await writers[0]?.call('daemon.reload', {});
  const files = (await readdir(machine.home)).filter((file) => file.startsWith('daemon.log'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(machine.home, file))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > LOG_BYTES * files.length)
    throw new Error(`the log has ${bytes} bytes in ${files.length} files`);
  if (files.length < 2) throw new Error('the log was never put aside');
  return bytes;
}

/** A copy is made of everything; others go on sending. */
async function backedUp(stage: Stage): Promise<{ longest: number; took: number }> {
  const [sender] = stage.writers;
  let isDone = false;
  const begun = performance.now();
  const copying = stage.machine.ok(['backup', join(stage.machine.directory, 'copy.db')]).finally(() => {
    isDone = true;
  });
  let longest = 0;
  while (!isDone) {
    longest = Math.max(longest, await send(stage, sender, 'name-3'));
    await Bun.sleep(2);
  }
  await copying;
  return { longest: Math.round(longest), took: Math.round(performance.now() - begun) };
}

/** Generous, for a busy machine: what is meant is that nothing grows with what is stored, or comes and goes. */
function mustStand(found: { young: Quickness; old: Quickness; kept: Kept; calm: number; wal: number }): void {
  const { young, old, kept, calm, wal } = found;
  for (const question of ['send', 'check', 'history', 'who', 'register'] as const) {
    const [before, now] = [young[question].p50, old[question].p50];
    if (now > 5 * before + 5)
      throw new Error(`${question} took ${before.toFixed(1)} ms, now ${now.toFixed(1)}`);
  }
  if (wal > MOST_WAL_MIB) throw new Error(`the WAL grew to ${wal} MiB`);
  if (kept.files > 4) throw new Error(`${kept.files} descriptors were left open`);
  if (kept.grown > MOST_GROWTH_MIB) throw new Error(`the daemon grew by ${kept.grown} MiB`);
  if (calm > 0.25) throw new Error(`it works ${Math.round(calm * 100)} % of the time for nobody`);
}
