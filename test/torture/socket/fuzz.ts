/** Hostile frames on the daemon's socket, whole and broken, from one who may connect (issue 6, design §4). */
import { eventually, openMachine, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts } from '../attack.ts';
import { badLogLines, memoryOf } from '../daemon-facts.ts';
import type { FuzzOrder, FuzzReport } from './fuzz-peer.ts';
import { freshKey, lineClient } from '../line-client.ts';
import { comparison, QUIET_NAMES, quietClient, type Windows } from './quiet-client.ts';

const FRAMES = { short: { batches: 4, each: 5_000 }, long: { batches: 25, each: 40_000 } } as const;
const BYSTANDERS = ['stander-1', 'stander-2', 'stander-3'];
const OWN = ['fuzz-a', 'fuzz-b', 'fuzz-c', 'fuzz-d'];
/** MiB a daemon may grow to, whatever it is sent. */
const MAX_MEMORY = 600;
/**
 * The figure that counts is the ratio, wanted below 3; but of a machine with other work it says little. What
 * nobody's mood explains is a broken promise: many times as long as in quiet, and long.
 */
const MAX_RATIO = { short: 25, long: 5 } as const;
const LONG_MS = 150;

export const fuzz: Attack = {
  name: 'fuzz',
  promise:
    'hostile frames crash nothing, change nobody else’s mail, are answered or end the connection, and keep nobody waiting',
  missing: () => (process.platform === 'linux' ? undefined : 'the figures are read from /proc'),
  shortMs: 120_000,
  run,
};

async function run({ form, seed, say }: AttackParts) {
  await using machine = await openMachine();
  // Nothing that was logged may have been put aside before it is looked at.
  await machine.ok(['config', 'set', 'log.maxBytes', '1073741824']);
  const socket = `${machine.home}/ipc.sock`;
  await machine.ok(['daemon', 'start']);
  const pid = await machine.daemonPid();
  const standers = await bystanders(socket);
  const quiet = await quietClient(socket);
  await quiet.work(200);
  const memory = memoryOf(pid);
  const before = await memory.now();
  const cast = {
    own: OWN.map((name) => ({ name, key: freshKey() })),
    others: [...BYSTANDERS, ...QUIET_NAMES],
  };

  const { batches, each } = FRAMES[form];
  // The fuzzer takes a processor whomever it attacks: how long others wait beside it says what is the daemon's.
  await using elsewhere = await openMachine();
  await elsewhere.ok(['daemon', 'start']);
  const windows: Windows = { quiet: [], attacked: [], beside: [] };
  const workWhile = async (into: number[][], order: FuzzOrder): Promise<FuzzReport> => {
    let over = false;
    const attacking = attackWith(order).finally(() => (over = true));
    while (!over) into.push(await quiet.work(250));
    return attacking;
  };
  const reports: FuzzReport[] = [];
  for (let batch = 1; batch <= batches; batch += 1) {
    windows.quiet.push(await quiet.work(250));
    const order = { socket, seed: seed + batch, frames: each, cast };
    reports.push(await workWhile(windows.attacked, order));
    const other = { ...order, socket: `${elsewhere.home}/ipc.sock`, frames: each / 5 };
    await workWhile(windows.beside, other);
    say(`${batch * each} frames, ${await memory.now()} MiB`);
  }
  const endless = await endlessLine(socket);
  const peak = await memory.peak();

  const report = sum(reports);
  const { ratio, during, figures } = comparison(windows);
  if (report.defects.length > 0) throw new Error(report.defects.join('\n'));
  const bad = await badLogLines(machine.home);
  if (bad.length > 0)
    throw new Error(`the log has ${bad.length} lines such as ${bad.slice(0, 5).join('\n')}`);
  if ((await machine.daemonPid()) !== pid) throw new Error('the daemon is another one than before');
  await standers.unchanged();
  const arrived = await quiet.settle();
  await expectHealthy(machine);
  if (peak > MAX_MEMORY) throw new Error(`wanted at most ${MAX_MEMORY} MiB, found ${peak}`);
  if (ratio > MAX_RATIO[form] && during > LONG_MS)
    throw new Error(`wanted others kept waiting less: ${JSON.stringify(figures)}`);
  const { ok = 0, ...refused } = report.answers;
  return {
    frames: report.frames,
    MiB: Math.round(report.bytes / 1_048_576),
    conversations: report.conversations,
    'hung up on': report.hungUp,
    'answers ok': ok,
    'answers refused': Object.values(refused).reduce((all, count) => all + count, 0),
    'kinds of refusal': Object.keys(refused).length,
    'internal answers': 0,
    'quiet messages once': arrived,
    'KiB taken of a line without end': endless,
    'MiB before': before,
    'MiB peak': peak,
    'MiB after': await memory.now(),
    ...figures,
  };
}

async function attackWith(order: FuzzOrder): Promise<FuzzReport> {
  const command = [process.execPath, `${import.meta.dir}/fuzz-peer.ts`, JSON.stringify(order)];
  // At the lowest priority it is as fast as the daemon lets it be, and what others wait for is the daemon.
  const peer = Bun.spawn(['nice', '-n', '19', ...command], { stdout: 'pipe', stderr: 'inherit' });
  const text = await peer.stdout.text();
  if ((await peer.exited) !== 0) throw new Error('the fuzzer itself failed');
  return JSON.parse(text) as FuzzReport;
}

/** Mailboxes of agents that take no part: what is in them must be there afterwards as it was. */
async function bystanders(socket: string): Promise<{ unchanged(): Promise<void> }> {
  const agents = BYSTANDERS.map((name) => ({ name, key: freshKey() }));
  for (const [at, agent] of agents.entries()) {
    const client = await lineClient(socket, agent);
    const to = [agents[(at + 1) % agents.length]?.name];
    for (let number = 0; number < 20; number += 1)
      await client.call('send', { to, body: `number ${number} of ${agent.name}` });
    client.end();
  }
  const look = async (): Promise<string> => {
    const seen: unknown[] = [];
    for (const agent of agents) {
      const client = await lineClient(socket, agent);
      const { messages } = await client.call('check', { reader: 'bystander', peek: true, bytes: 500_000 });
      seen.push(messages, (await client.call('history', { limit: 500 }))['messages']);
      client.end();
    }
    return JSON.stringify(seen);
  };
  const before = await look();
  return {
    unchanged: async () => {
      const after = await look();
      if (after !== before) throw new Error(`the mail of bystanders changed: ${before} became ${after}`);
    },
  };
}

/** A gibibyte without a newline; returns how much of it was taken before the connection was closed. */
async function endlessLine(socket: string): Promise<number> {
  const piece = new Uint8Array(1_048_576).fill(0x78);
  const client = await lineClient(socket, {});
  client.end();
  let taken = 0;
  let closed = false;
  await Bun.connect({
    unix: socket,
    socket: {
      open: pour,
      drain: pour,
      data: () => undefined,
      close: () => {
        closed = true;
      },
    },
  });
  function pour(opened: Bun.Socket): void {
    while (!closed && taken < 2 ** 30) {
      const written = opened.write(piece);
      if (written <= 0) return;
      taken += written;
    }
  }
  await eventually(async () => closed || undefined);
  if (taken >= 2 ** 30) throw new Error('a gibibyte without a newline was read to its end');
  return Math.round(taken / 1024);
}

async function expectHealthy(machine: Machine): Promise<void> {
  const doctor = await machine.run(['doctor']);
  if (doctor.code !== 0) throw new Error(`the doctor says ${doctor.stdout}${doctor.stderr}`);
}

function sum(reports: readonly FuzzReport[]): FuzzReport {
  const all: FuzzReport = { frames: 0, bytes: 0, conversations: 0, hungUp: 0, answers: {}, defects: [] };
  for (const report of reports) {
    all.frames += report.frames;
    all.bytes += report.bytes;
    all.conversations += report.conversations;
    all.hungUp += report.hungUp;
    all.defects.push(...report.defects);
    for (const [code, count] of Object.entries(report.answers))
      all.answers[code] = (all.answers[code] ?? 0) + count;
  }
  return all;
}
