/** Whole processes of the compiled binary: a warm command, and the very first one. */
import { join } from 'node:path';
import { emptyProgram } from './floors.ts';
import { type Row, milliseconds } from './report.ts';
import { openSession } from './session.ts';
import { type Bench, type Site, environment, run, succeed, withFolder, withSite } from './site.ts';
import { median, percentile } from './statistics.ts';
import { body } from './load.ts';

/** `send`, `check` and `hook` beside a program that does nothing, in turn, so that both see the same machine. */
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
    beginSession(bench, site);
    const hook = await pairs(bench, site, empty, {
      command: () => ['hook'],
      input: event('PostToolUse'),
      before: async () => undefined,
      shows: '',
    });
    const row = coldRow('hook', hook);
    return [
      coldRow('send', send),
      coldRow('check', check),
      { ...row, measure: `${row.measure}, nothing waiting` },
    ];
  });
}

/** As Claude Code writes it to a hook after a tool, with a tool's answer of common size. */
function event(name: string): Uint8Array {
  const session_id = '5f0c0000-0000-4000-8000-000000000001';
  const facts = { session_id, transcript_path: '/nonexistent', cwd: '/', hook_event_name: name };
  return Buffer.from(JSON.stringify({ ...facts, source: 'startup', tool_response: body(2_000) }));
}

/** The session gets its name, as it does before any tool of it runs. */
function beginSession(bench: Bench, site: Site): void {
  const ran = succeed(run([bench.binary, 'hook'], site.env, event('SessionStart')), ['hook']);
  if (!ran.stdout.includes('agent-')) throw new Error(`ipc hook printed ${JSON.stringify(ran.stdout)}`);
}

interface Pairs {
  readonly command: readonly number[];
  readonly empty: readonly number[];
}

async function pairs(
  bench: Bench,
  site: Site,
  empty: string,
  what: {
    command: () => readonly string[];
    input?: Uint8Array;
    before: () => Promise<void>;
    shows: string;
  },
): Promise<Pairs> {
  const command: number[] = [];
  const nothing: number[] = [];
  const rounds = bench.quick ? 20 : 60;
  for (let round = -3; round < rounds; round += 1) {
    await what.before();
    const floor = succeed(run([empty], site.env), ['(the empty program)']);
    const args = what.command();
    const ran = succeed(run([bench.binary, ...args], site.env, what.input), args);
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
