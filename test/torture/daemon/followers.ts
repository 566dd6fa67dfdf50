/** Those of a crowd who stay and follow: watchers, and a pair that asks and answers. */
import { eventually, lines } from '../../e2e/machine.ts';
import { BREAK_MS, command, judged, program, rested, type Crowd } from './crowd.ts';
import { outOfOrder } from './ledger.ts';

export interface Watcher {
  /** Keys of what it showed, in order. */
  readonly seen: readonly string[];
  /** Acknowledged before it began: it need not have seen them. */
  readonly missed: ReadonlySet<string>;
  /** What it said on stderr. */
  end(): Promise<string>;
}

/** Resolves when it is seen to watch. */
export async function watch(crowd: Crowd, mailbox: string, binary?: string): Promise<Watcher> {
  const { machine, ledger } = crowd;
  const child = machine.start(['watch', '--as', mailbox, '--json'], binary === undefined ? {} : { binary });
  await eventually(async () => {
    const { stdout } = await machine.run(['who', '--json']);
    const { agents } = JSON.parse(stdout) as { agents?: { name: string; doors: string[] }[] };
    return agents?.find((agent) => agent.name === mailbox && agent.doors.includes('watch'));
  });
  const missed = new Set([...ledger.acknowledged.keys(), ...ledger.unsure.keys()]);
  const seen: string[] = [];
  const words = child.stderr.text();
  const following = (async () => {
    for await (const line of lines(child.stdout)) {
      const [, key] = /"body":"([\w-]+:\d+) /.exec(line) ?? [];
      if (key !== undefined) seen.push(key);
    }
  })();
  return {
    seen,
    missed,
    end: async () => {
      child.kill('SIGKILL');
      await following;
      return words;
    },
  };
}

/** What is wrong with what a watcher saw that lived through all of it. */
export function wrongOf(crowd: Crowd, mailbox: string, { seen, missed }: Watcher): string[] {
  const { acknowledged } = crowd.ledger;
  const once = new Set<string>();
  const twice = seen.filter((key) => once.size === once.add(key).size);
  const unseen = [...acknowledged]
    .filter(([key, mailboxes]) => mailboxes.includes(mailbox) && !missed.has(key) && !once.has(key))
    .map(([key]) => key);
  return [
    ...twice.map((key) => `${key} watched twice`),
    ...unseen.map((key) => `${key} never watched`),
    ...outOfOrder(seen).map((key) => `${key} watched out of order`),
  ];
}

/** A watcher that is killed now and then, and begun again. */
export async function watchAndDie(crowd: Crowd, mailbox: string): Promise<void> {
  while (!crowd.over) {
    const child = crowd.machine.start(['watch', '--as', mailbox, '--json']);
    await rested(200 + crowd.chance.next() * 1_800);
    child.kill('SIGKILL');
    await child.exited;
  }
}

/** Questions by command, answered by a program that stays: each gets its own answer or a clear word. */
export async function askAndAnswer(crowd: Crowd, names: { asks: string; answers: string }): Promise<void> {
  const answering = answerAll(crowd, names.answers);
  for (let number = 1; !crowd.over; number += 1) {
    const ran = await command(crowd, [
      'ask',
      names.answers,
      `question ${number}`,
      '--as',
      names.asks,
      '--timeout',
      '20',
    ]);
    crowd.counts.asked += 1;
    if (!judged(crowd, `ask ${number}`, ran)) continue;
    crowd.counts.answered += 1;
    if (ran.stdout.trim() !== `answer to question ${number}`)
      throw new Error(`question ${number} was answered with ${JSON.stringify(ran.stdout)}`);
    await rested(crowd.chance.next() * BREAK_MS);
  }
  await answering;
}

async function answerAll(crowd: Crowd, name: string): Promise<void> {
  const client = program(crowd.machine, name);
  const reader = `reader-of-${name}`;
  while (!crowd.over) {
    try {
      const { messages } = await client.operations.check({ reader, wait: 1 });
      for (const { id, body } of messages) {
        await client.operations.reply({ message: id, body: `answer to ${body}` });
      }
    } catch (error) {
      crowd.counts.failed += 1;
      crowd.complaints.push(`answering: ${String(error)}`);
    }
  }
  await client.close();
}
