/** Whole processes of the compiled binary: a warm command, and the very first one. */
import { join } from 'node:path';
import { emptyProgram } from './floors.ts';
import { type Row, milliseconds } from './report.ts';
import { openSession } from './session.ts';
import { type Bench, type Site, environment, run, succeed, withFolder, withSite } from './site.ts';
import { median, percentile } from './statistics.ts';
import { body } from './load.ts';

/** `send` and `check` beside a program that does nothing, in turn, so that both see the same machine. */
export async function coldRows(bench: Bench): Promise<Row[]> {
  const empty = await emptyProgram(bench);
  return await withSite(bench, async (site) => {
    // The reader's key is the command line's own; what fills the mailbox between two checks is not timed.
    site.ipc('whoami', '--as', 'reader');
    const filler = await openSession({ socket: site.socket, name: 'filler' });
    const fill = async (): Promise<void> => {
      await filler.call('send', { id: Bun.randomUUIDv7(), to: ['reader'], body: body(100) });
    };
    const send = await pairs(bench, site, empty, {
      command: () => ['send', '--as', 'writer', 'sink', body(60)],
      before: async () => undefined,
      shows: '',
    });
    const check = await pairs(bench, site, empty, {
      command: () => ['check', '--as', 'reader'],
      before: fill,
      shows: 'message ',
    });
    filler.close();
    return [coldRow('send', send), coldRow('check', check)];
  });
}

interface Pairs {
  readonly command: readonly number[];
  readonly empty: readonly number[];
}

async function pairs(
  bench: Bench,
  site: Site,
  empty: string,
  what: { command: () => readonly string[]; before: () => Promise<void>; shows: string },
): Promise<Pairs> {
  const command: number[] = [];
  const nothing: number[] = [];
  const rounds = bench.quick ? 20 : 60;
  for (let round = -3; round < rounds; round += 1) {
    await what.before();
    const floor = succeed(run([empty], site.env), ['(the empty program)']);
    const args = what.command();
    const ran = site.ipc(...args);
    if (!ran.stdout.includes(what.shows))
      throw new Error(`ipc ${args.join(' ')} printed ${JSON.stringify(ran.stdout)}`);
    if (round < 0) continue;
    command.push(ran.milliseconds);
    nothing.push(floor.milliseconds);
  }
  return { command, empty: nothing };
}

function coldRow(verb: string, { command, empty }: Pairs): Row {
  const ratio = median(command.map((milli, index) => milli / (empty[index] ?? Number.NaN)));
  return {
    measure: `cold ${verb}, whole process`,
    found: `${milliseconds(median(command))} (p95 ${milliseconds(percentile(command, 0.95))})`,
    against: `empty program ${milliseconds(median(empty))}`,
    figure: ratio,
    aim: '≤ 2.5 ×',
    met: ratio <= 2.5,
    numbers: { ms: median(command), emptyMs: median(empty), rounds: command.length },
  };
}

/** From nothing, no home and no daemon, until exit 0. */
export async function firstSendRow(bench: Bench): Promise<Row[]> {
  const samples: number[] = [];
  for (let round = 0; round < (bench.quick ? 5 : 15); round += 1) {
    await withFolder(bench, async (folder) => {
      const env = environment(folder);
      const args = ['send', '--as', 'writer', 'sink', 'hello'];
      try {
        samples.push(succeed(run([bench.binary, ...args], env), args).milliseconds);
        if (!(await Bun.file(join(folder, 'h/ipc.db')).exists())) throw new Error('no store was made');
      } finally {
        run([bench.binary, 'daemon', 'stop'], env);
      }
    });
  }
  const found = median(samples);
  return [
    {
      measure: 'first ever send: no daemon, no home',
      found: `${milliseconds(found)} (slowest ${milliseconds(Math.max(...samples))})`,
      against: '',
      figure: found,
      aim: '< 150 ms',
      met: found < 150,
      numbers: { ms: found, slowestMs: Math.max(...samples), rounds: samples.length },
    },
  ];
}
