/**
 * A daemon of the former version is replaced by the current one under load, again and again: programs,
 * commands, watchers and MCP servers of both versions are there all the time. Nothing is lost or doubled, no
 * session ends, and the two versions do not push each other out for long (design §4).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, openMachine, type Machine } from '../../e2e/machine.ts';
import { openNeighbours, type Versions } from '../../e2e/versions.ts';
import { waitForLock } from '../../../src/system/lock.ts';
import { daemonsOf } from '../../support/daemons.ts';
import { damageOf, errorsIn, lyingReceipts } from './account.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance } from '../chance.ts';
import {
  command,
  openCrowd,
  readByCommand,
  rested,
  sendByCommand,
  sender,
  type Build,
  type Crowd,
} from './crowd.ts';
import { emptyMailboxes, hospitable } from './ends.ts';
import { watch, wrongOf } from './followers.ts';
import { hold, Ledger } from './ledger.ts';
import { sendByMcp } from './mcp-sender.ts';

const UPGRADES = { short: 10, long: 100 } as const;

export const handOver: Attack = {
  name: 'hand-over',
  promise:
    'daemons of the former version are replaced under load without a loss, a double or a session that ends',
  missing: () =>
    process.platform === 'linux' ? undefined : 'processes are told apart by /proc, which is not here',
  shortMs: 180_000,
  run,
};

async function run({ form, seed, say }: AttackParts): Promise<Figures> {
  await using machine = await openMachine();
  await using versions = await openNeighbours();
  const { former, current, currentVersion } = versions;
  await hospitable(machine);
  const crowd = openCrowd(machine, new Ledger(), chance(seed));
  const { ledger } = crowd;
  crowd.spared = true;
  await machine.ok(['daemon', 'start'], { binary: former });
  const watchers = { former: await watch(crowd, 'bob', former), current: await watch(crowd, 'bob', current) };
  const build = { binary: current, version: currentVersion };
  const work = Promise.all([
    ...['s1', 's2'].map((name) => sendByProgram(crowd, name, build)),
    sendByCommand(crowd, { name: 'c-former', to: 'ann', mailboxes: ['ann'], binary: former }),
    sendByCommand(crowd, { name: 'c-current', to: 'ann', mailboxes: ['ann'], binary: current }),
    sendByMcp(crowd, { name: 'm-former', to: 'bob', binary: former }),
    sendByMcp(crowd, { name: 'm-current', to: 'bob', binary: current }),
    readByCommand(crowd, 'ann', former),
    readByCommand(crowd, 'bob', current),
  ]);
  let longest = 0;
  const upgrading = (async () => {
    for (let done = 1; done <= UPGRADES[form] && !crowd.over; done += 1) {
      await goBack(crowd, versions);
      const begun = performance.now();
      await isUp(machine, versions);
      longest = Math.max(longest, performance.now() - begun);
      await rested(100 + crowd.chance.next() * 200);
      if (done % 20 === 0) say(`${done} upgrades, ${ledger.acknowledged.size} messages acknowledged`);
    }
  })();
  try {
    await Promise.race([upgrading, work]);
  } finally {
    crowd.over = true;
    await Promise.allSettled([upgrading, work]);
  }
  await work;
  await emptyMailboxes(crowd, ['ann', 'bob'], current);
  const seen = async (): Promise<string[]> =>
    Object.entries(watchers).flatMap(([which, watcher]) =>
      wrongOf(crowd, 'bob', watcher).map((wrong) => `${which}: ${wrong}`),
    );
  await eventually(async () => ((await seen()).length === 0 ? true : undefined)).catch(() => undefined);
  const broken = {
    ...ledger.broken(),
    lyingReceipts: await lyingReceipts(crowd, build),
    wronglyWatched: await seen(),
    hung: crowd.complaints.filter((said) => said.startsWith('hung')),
    loggedErrors: await errorsIn(machine),
    damage: await damageOf(machine, build),
  };
  const words = await Promise.all(Object.values(watchers).map((watcher) => watcher.end()));
  hold({ ...broken, watchersSaid: words.filter((said) => said !== '') });
  const log = await readFile(join(machine.home, 'daemon.log'), 'utf8');
  return {
    upgrades: UPGRADES[form],
    'daemons of both': log.split(' ready ').length - 1,
    acknowledged: ledger.acknowledged.size,
    lost: broken.lost.length,
    'shown again': ledger.repeats,
    'doubled or unmarked': broken.doubled.length + broken.unmarked.length,
    'out of order': broken.disordered.length,
    watched: watchers.former.seen.length + watchers.current.seen.length,
    commands: crowd.counts.commands,
    failed: crowd.counts.failed,
    hung: crowd.counts.hung,
    'longest upgrade ms': Math.round(longest),
    'slowest ms': Math.round(crowd.slowestMs),
  };
}

/**
 * The former program comes back as the daemon, as when one of its clients wins the race for the start: the
 * others wait for the lock that starting takes, and then find it.
 */
async function goBack(crowd: Crowd, versions: Versions): Promise<void> {
  const { machine, chance: random } = crowd;
  const { former } = versions;
  using racing = await waitForLock(join(machine.home, 'start.lock'), { milliseconds: 20_000 });
  if (racing === undefined) throw new Error('wanted the lock that starting takes');
  const before = (await formerStarts(machine, versions)).length;
  if (random.next() < 0.3) for (const pid of daemonsOf(machine.home)) killed(pid);
  else await command(crowd, ['daemon', 'stop'], { binary: former });
  machine.start(['daemon', 'run'], { binary: former });
  await eventually(async () => ((await formerStarts(machine, versions)).length > before ? true : undefined));
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

async function formerStarts({ home }: Machine, { formerVersion }: Versions): Promise<string[]> {
  const log = await readFile(join(home, 'daemon.log'), 'utf8');
  return log.split('\n').filter((line) => line.includes(` ready version=${formerVersion} `));
}

/** Resolves when the current version's daemon is the one that runs. */
async function isUp(machine: Machine, { current, currentVersion }: Versions): Promise<void> {
  await eventually(async () => {
    const { stdout } = await machine.run(['daemon', 'status', '--json'], { binary: current });
    return (JSON.parse(stdout) as { version?: string }).version === currentVersion || undefined;
  }, 30_000);
}

async function sendByProgram(crowd: Crowd, name: string, build: Build): Promise<void> {
  const self = sender(crowd, name, build);
  while (!crowd.over) {
    const to = crowd.chance.pick(['ann', 'bob']);
    await self.send([to], [to]);
    await rested(crowd.chance.next() * 20);
  }
  await self.close();
}
