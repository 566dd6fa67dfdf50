/** Ten thousand connections that only take room, and readers that never read (issue 6, design §4). */
import { eventually, lines, openMachine, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts, Form } from '../attack.ts';
import type { CrowdOrder, CrowdReport, Manner } from './crowd-peer.ts';
import { badLogLines, memoryOf, openFiles, processorSeconds } from '../daemon-facts.ts';
import { freshKey, lineClient } from '../line-client.ts';
import { comparison, quietClient, type Windows } from './quiet-client.ts';

interface Wave {
  readonly manner: Manner;
  readonly count: number;
}

/** Who comes together; what was not closed by the daemon leaves before the next come. */
const WAVES: Readonly<Record<Form, readonly (readonly Wave[])[]>> = {
  short: [
    [
      { manner: 'silent', count: 4_000 },
      { manner: 'half', count: 4_000 },
      { manner: 'slow', count: 200 },
    ],
    [{ manner: 'greeted', count: 2_000 }],
    [{ manner: 'storm', count: 8 }],
  ],
  long: [
    [{ manner: 'silent', count: 10_000 }],
    [{ manner: 'half', count: 10_000 }],
    [{ manner: 'slow', count: 1_000 }],
    [{ manner: 'greeted', count: 10_000 }],
    [
      { manner: 'silent', count: 5_000 },
      { manner: 'greeted', count: 5_000 },
    ],
    [{ manner: 'storm', count: 64 }],
  ],
};
const DEAF = { readers: 40, KiB: 64, sends: { short: 80, long: 800 } } as const;
/** Sends of one window of the quiet client's. */
const STEPS = { short: 100, long: 250 } as const;
const MAX_MEMORY = 400;
const MAX_RATIO = { short: 25, long: 5 } as const;
const LONG_MS = 150;
/** Seats that a home has unless it is told otherwise, and those who linger while they are told that none is free. */
const SEATS = 1_024 + 16;

export const crowd: Attack = {
  name: 'crowd',
  promise:
    'ten thousand connections and readers that never read take no memory, no processor and nobody’s place',
  missing: () => (process.platform === 'linux' ? undefined : 'the figures are read from /proc'),
  shortMs: 180_000,
  run,
};

async function run({ form, say }: AttackParts) {
  await using machine = await openMachine();
  await machine.ok(['config', 'set', 'log.maxBytes', '1073741824']);
  await machine.ok(['daemon', 'start']);
  const pid = await machine.daemonPid();
  const socket = `${machine.home}/ipc.sock`;
  const memory = memoryOf(pid);
  const quiet = await quietClient(socket);
  await quiet.work(200);
  const before = await memory.now();
  const files = await openFiles(pid);
  const windows: Windows = { quiet: [], attacked: [], beside: [] };
  const totals = { opened: 0, told: 0, closed: 0, visits: 0 };
  const newcomers = { came: 0, in: 0, busy: 0 };

  for (const wave of WAVES[form]) {
    windows.quiet.push(await quiet.work(STEPS[form]));
    await using gathering = new AsyncDisposableStack();
    const peers = wave.map(({ manner, count }) => gathering.use(crowdPeer({ socket, manner, count })));
    let there = false;
    void Promise.all(peers.map(({ gathered }) => gathered)).then(() => (there = true));
    do windows.attacked.push(await quiet.work(STEPS[form]));
    while (!there);
    windows.attacked.push(await quiet.work(STEPS[form]));
    const open = await openFiles(pid);
    if (open > files + SEATS) throw new Error(`wanted at most ${SEATS} connections, found ${open - files}`);
    await visit(machine, newcomers, { mayBeBusy: wave.some(({ manner }) => manner === 'greeted') });
    await expectNoSpin(pid, wave);
    // Who says nothing, or too slowly, is not kept: without anybody leaving it is quiet again.
    if (!wave.some(({ manner }) => manner === 'greeted' || manner === 'storm'))
      await eventually(async () => (await openFiles(pid)) <= files + 8 || undefined, 20_000);
    for (const report of await Promise.all(peers.map((peer) => peer.end()))) {
      totals.opened += report.opened;
      totals.told += report.told;
      totals.closed += report.closed;
      totals.visits += report.visits;
    }
    await eventually(async () => (await openFiles(pid)) <= files + 8 || undefined, 20_000);
    await visit(machine, newcomers, { mayBeBusy: false });
    say(`${wave.map(({ manner, count }) => `${count} ${manner}`).join(', ')}: ${await memory.now()} MiB`);
  }
  const afterCrowds = await memory.now();
  const pushed = await deafReaders(
    { socket, form },
    async () => void windows.attacked.push(await quiet.work(50)),
  );

  const peak = await memory.peak();
  const arrived = await quiet.settle();
  const { ratio, during, figures } = comparison(windows);
  const bad = await badLogLines(machine.home);
  if (bad.length > 0)
    throw new Error(`the log has ${bad.length} lines such as ${bad.slice(0, 5).join('\n')}`);
  if ((await machine.daemonPid()) !== pid) throw new Error('the daemon is another one than before');
  const doctor = await machine.run(['doctor']);
  if (doctor.code !== 0) throw new Error(`the doctor says ${doctor.stdout}${doctor.stderr}`);
  if (peak > MAX_MEMORY) throw new Error(`wanted at most ${MAX_MEMORY} MiB, found ${peak}`);
  if (ratio > MAX_RATIO[form] && during > LONG_MS)
    throw new Error(`wanted others kept waiting less: ${JSON.stringify(figures)}`);
  return {
    connections: totals.opened,
    'told why not': totals.told,
    'came and went': totals.visits,
    newcomers: newcomers.came,
    'let in': newcomers.in,
    'told busy': newcomers.busy,
    'quiet messages once': arrived,
    'MiB for the deaf': pushed,
    'MiB before': before,
    'MiB after the crowds': afterCrowds,
    'MiB peak': peak,
    'MiB after': await memory.now(),
    ...figures,
  };
}

interface Crowd extends AsyncDisposable {
  /** Resolves when all of them are there. */
  readonly gathered: Promise<void>;
  end(): Promise<CrowdReport>;
}

function crowdPeer(order: CrowdOrder): Crowd {
  const command = [process.execPath, `${import.meta.dir}/crowd-peer.ts`, JSON.stringify(order)];
  // It needs as many open files as it may have; the shell's lower limit is a suggestion.
  const script = 'ulimit -n "$(ulimit -H -n)" && exec nice -n 19 "$@"';
  const peer = Bun.spawn(['sh', '-c', script, 'sh', ...command], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const said = lines(peer.stdout);
  const next = async (): Promise<CrowdReport> => {
    const { value, done } = await said.next();
    if (done === true) throw new Error(`a crowd of ${order.manner} ended by itself`);
    return JSON.parse(value) as CrowdReport;
  };
  const gathered = next().then(() => undefined);
  return {
    gathered,
    end: async () => {
      await gathered;
      await peer.stdin.end();
      const last = await next();
      await peer.exited;
      return last;
    },
    [Symbol.asyncDispose]: async () => {
      peer.kill('SIGKILL');
      await peer.exited;
    },
  };
}

/** People come while all that is going on: they get in, or are told in words that it is full. */
async function visit(
  machine: Machine,
  newcomers: { came: number; in: number; busy: number },
  { mayBeBusy }: { mayBeBusy: boolean },
): Promise<void> {
  for (let number = 0; number < 5; number += 1) {
    const come = () => machine.run(['send', 'somebody', `visit ${newcomers.came}`]);
    let { code, stdout, stderr } = await come();
    // In a storm one in twenty finds it full for a moment, and is told that he may come again.
    for (let again = 0; code === 75 && !mayBeBusy && again < 3; again += 1)
      ({ code, stdout, stderr } = await come());
    newcomers.came += 1;
    if (code === 0) newcomers.in += 1;
    else if (code === 75 && stderr.includes('sessions at once') && mayBeBusy) newcomers.busy += 1;
    else throw new Error(`wanted a newcomer let in, found exit ${code}: ${stdout}${stderr}`);
  }
}

/** A crowd that does nothing must cost nothing: at the limit of open files `accept` spun at 100 % (design §3.2). */
async function expectNoSpin(pid: number, wave: readonly Wave[]): Promise<void> {
  if (wave.some(({ manner }) => manner === 'storm' || manner === 'slow')) return;
  const [begun, used] = [performance.now(), await processorSeconds(pid)];
  await eventually(async () => performance.now() - begun > 1_000 || undefined);
  const share = (await processorSeconds(pid)) - used;
  if (share > 0.5) throw new Error(`wanted a daemon at rest, found it use ${share} s of one second`);
}

/** So many followers of one mailbox that never read, and mail for it. Returns MiB that were to be pushed. */
async function deafReaders(
  { socket, form }: { socket: string; form: Form },
  meanwhile: () => Promise<void>,
): Promise<number> {
  const [name, key] = ['deaf', freshKey()];
  const talker = await lineClient(socket, { name: 'talker', key: freshKey() });
  const sends = DEAF.sends[form];
  await using deaf = crowdPeer({ socket, manner: 'deaf', count: DEAF.readers, name, key });
  await deaf.gathered;
  const body = 'x'.repeat(DEAF.KiB * 1_024);
  for (let number = 0; number < sends; number += 1) {
    await talker.call('send', { to: [name], body });
    if (number % 20 === 0) await meanwhile();
  }
  await deaf.end();
  // Nothing is lost because somebody did not listen.
  const owner = await lineClient(socket, { name, key });
  const { messages, remaining } = await owner.call<{ messages: unknown[]; remaining: number }>('check', {
    reader: 'the-deaf-one',
    peek: true,
  });
  if (messages.length + remaining !== sends)
    throw new Error(`wanted ${sends} messages waiting, found ${messages.length + remaining}`);
  owner.end();
  talker.end();
  return Math.round((DEAF.readers * sends * DEAF.KiB) / 1_024);
}
