/**
 * The daemon is killed (SIGKILL) again and again, at moments spread over its life, while programs and commands
 * send, read, ask, watch and rename; readers are killed too, between fetch and print. What was acknowledged is
 * there, once, in order, and its receipts say what happened (design §2, §4).
 */
import { openMachine } from '../../e2e/machine.ts';
import { until } from '../../support/until.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance } from '../chance.ts';
import {
  command,
  judged,
  openCrowd,
  rested,
  readByCommand,
  sendByCommand,
  sender,
  type Crowd,
} from './crowd.ts';
import { emptyMailboxes, hospitable } from './ends.ts';
import { askAndAnswer, watch, watchAndDie, wrongOf } from './followers.ts';
import { damageOf, errorsIn, lyingReceipts } from './account.ts';
import { hold, Ledger } from './ledger.ts';
import { killer, moments, someMoment } from './moments.ts';

const KILLS = { short: 200, long: 1_000 } as const;
const MAILBOXES = ['ann', 'bob', 'cyd'] as const;
/** What is sent there goes to the first two. */
const TOPIC = '#news';

export const kill: Attack = {
  name: 'kill',
  promise:
    'a daemon killed 200 times under load, and readers with it, loses nothing, doubles nothing, hangs nobody',
  missing: () =>
    process.platform === 'linux' ? undefined : 'moments are read from /proc, which is not here',
  shortMs: 240_000,
  run,
};

async function run({ form, seed, say }: AttackParts): Promise<Figures> {
  await using machine = await openMachine();
  await hospitable(machine);
  const ledger = new Ledger();
  const crowd = openCrowd(machine, ledger, chance(seed));
  for (const name of ['ann', 'bob']) await machine.ok(['topic', 'join', TOPIC, '--as', name]);
  await using death = killer(crowd, 'ann');
  const watcher = await watch(crowd, 'bob');
  const work = Promise.all([
    ...['s1', 's2', 's3'].map((name) => sendByProgram(crowd, name)),
    sendByCommand(crowd, { name: 'c1', to: 'ann', mailboxes: ['ann'] }),
    ...MAILBOXES.map((name) => readByCommand(crowd, name)),
    watchAndDie(crowd, 'ann'),
    askAndAnswer(crowd, { asks: 'eve', answers: 'dan' }),
  ]);
  const struck = Object.fromEntries(moments.map((moment) => [moment, 0]));
  let kills = 0;
  let inTheMiddle = 0;
  const killing = (async () => {
    while (kills < KILLS[form] && !crowd.over) {
      const moment = someMoment(crowd.chance);
      crowd.spared = kills >= KILLS[form] * 0.35;
      if (!(await death.kill(moment))) continue;
      if (crowd.underWay > 0) inTheMiddle += 1;
      struck[moment] = (struck[moment] ?? 0) + 1;
      kills += 1;
      if (kills % 40 === 0) await rename(crowd, kills);
      if (kills % 100 === 0) say(`${kills} kills, ${ledger.acknowledged.size} messages acknowledged`);
    }
  })();
  try {
    await Promise.race([killing, work]);
  } finally {
    crowd.over = true;
    // Nobody of the crowd outlives its machine, whatever was found.
    await Promise.allSettled([killing, work]);
  }
  await work;
  const early = await lyingReceipts(crowd);
  await emptyMailboxes(crowd, MAILBOXES);
  await until(() => wrongOf(crowd, 'bob', watcher).length === 0, 'the watcher', 10_000).catch(
    () => undefined,
  );
  const wronglyWatched = wrongOf(crowd, 'bob', watcher);
  const words = await watcher.end();
  const broken = {
    ...ledger.broken(),
    lyingReceipts: [...early, ...(await lyingReceipts(crowd))],
    wronglyWatched: words === '' ? wronglyWatched : [`it said ${words}`, ...wronglyWatched],
    hung: crowd.complaints.filter((said) => said.startsWith('hung')),
    loggedErrors: await errorsIn(machine),
    damage: await damageOf(machine),
  };
  hold(broken);
  return {
    kills,
    ...struck,
    'with calls under way': inTheMiddle,
    acknowledged: ledger.acknowledged.size,
    lost: broken.lost.length,
    'doubled or unmarked': broken.doubled.length + broken.unmarked.length,
    'out of order': broken.disordered.length,
    'receipts checked': 2 * ledger.ids.size,
    watched: watcher.seen.length,
    ...crowd.counts,
    'shown again, marked': ledger.repeats,
    unsure: ledger.unsure.size,
    'slowest ms': Math.round(crowd.slowestMs),
  };
}

/** A program that stays and sends, a few at a time. */
async function sendByProgram(crowd: Crowd, name: string): Promise<void> {
  const self = sender(crowd, name);
  const { chance: random } = crowd;
  while (!crowd.over) {
    for (let burst = random.below(6); burst > 0 && !crowd.over; burst -= 1) {
      const to = random.pick([...MAILBOXES, TOPIC]);
      await self.send([to], to === TOPIC ? ['ann', 'bob'] : [to]);
    }
    await rested(random.next() * 30);
  }
  await self.close();
}

/** The third mailbox gets another name; the one everybody knows goes on leading there. */
async function rename(crowd: Crowd, number: number): Promise<void> {
  const ran = await command(crowd, ['rename', `cyd-${number}`, '--as', 'cyd', '--json']);
  judged(crowd, 'rename', ran);
}
