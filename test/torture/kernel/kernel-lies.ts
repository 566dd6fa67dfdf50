/**
 * A kernel that lies, all the way: the compiled binary attached to it as to anybody's kernel. What is not proven
 * is not shown, no file is written outside its folder, memory of the host is bounded, its daemon and those who
 * send messages notice nothing, and after each lie the next honest cell is told as it was.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { Execution } from '../../../src/protocol/execution.ts';
import { connectionText } from '../../../src/kernel/connection-info.ts';
import { recordOf } from '../../e2e/kernel-machine.ts';
import { eventually, openMachine, type Machine } from '../../e2e/machine.ts';
import { kill } from '../../e2e/kernel-machine.ts';
import type { Attack } from '../attack.ts';
import { chance } from '../chance.ts';
import { lieNames, lyingKernel, type LyingKernel } from './lying-kernel.ts';

const ROUNDS = { short: 1, long: 20 };
/** A host that was sent 100 MB at once, and 20 MB in one text. */
const MOST_MB = 700;
const PROMPTLY_MS = 5_000;

export const kernelLies: Attack = {
  name: 'kernel-lies',
  promise:
    'a kernel that lies in fifteen ways: nothing false is shown, its host stays bounded, others notice nothing',
  shortMs: 120_000,
  run: async ({ form, seed, say }) => {
    await using machine = await openMachine();
    using kernel = lyingKernel(chance(seed));
    const file = join(machine.directory, 'liar.json');
    await writeFile(file, connectionText(kernel.info), { mode: 0o600 });
    await machine.ok(['kernel', 'connect', file, '--name', 'liar', '--as', 'ann']);
    const { host } = await recordOf(machine, 'liar');
    const daemon = await machine.daemonPid();
    const sum = { cells: 0, 'slowest send ms': 0 };
    try {
      for (let round = 0; round < ROUNDS[form]; round += 1) {
        for (const name of lieNames) {
          await lied(machine, kernel, { name, sum });
          if ((await recordOf(machine, 'liar')).host !== host)
            throw new Error(`${name}: the host is another one`);
        }
        say(`round ${round + 1} of ${ROUNDS[form]}`);
      }
      const megabytes = peak(host ?? 0);
      if (megabytes > MOST_MB) throw new Error(`the host took ${megabytes} MB`);
      if ((await machine.daemonPid()) !== daemon) throw new Error('the daemon is another one');
      const names = (await readdir(machine.home, { recursive: true })).concat(
        await readdir(machine.directory),
      );
      const escaped = names.filter((name) => name.includes('escaped'));
      if (escaped.length > 0) throw new Error(`written outside: ${escaped.join(', ')}`);
      return { ...sum, 'host MB at most': megabytes, 'daemon MB at most': peak(daemon) };
    } finally {
      kill(host);
    }
  },
};

interface Sum {
  cells: number;
  'slowest send ms': number;
}

async function lied(
  machine: Machine,
  kernel: LyingKernel,
  { name, sum }: { name: string; sum: Sum },
): Promise<void> {
  kernel.lie(name);
  const cell = run(machine, 'lied about', '20');
  const begun = performance.now();
  await machine.ok(['send', 'bob', `beside ${name}`, '--as', 'carol']);
  const took = performance.now() - begun;
  sum['slowest send ms'] = Math.max(sum['slowest send ms'], Math.round(took));
  if (took > PROMPTLY_MS) throw new Error(`${name}: a send beside it took ${took} ms`);
  if (name.startsWith('no answer') || name.startsWith('idle without')) kernel.relent();
  const { execution, text } = await ended(machine, await cell);
  if (/FORGED|STRAY/.test(text)) throw new Error(`${name}: shown: ${text.slice(0, 500)}`);
  if (execution.state === 'running' || execution.state === 'queued')
    throw new Error(`${name}: the cell goes on: ${text.slice(0, 500)}`);
  kernel.relent();
  const next = await run(machine, `honest after ${name}`, '20');
  if (next.execution.state !== 'ok' || !next.execution.stdout.includes(`ran honest after ${name}`))
    throw new Error(`${name}: the honest cell after it was told as ${next.text.slice(0, 800)}`);
  sum.cells += 2;
}

interface Told {
  readonly execution: Execution;
  readonly text: string;
}

/** A lie may be that the cell asks for input, and that is told at once; the answer that follows ends the cell. */
async function ended(machine: Machine, told: Told): Promise<Told> {
  if (told.execution.asks === undefined) return told;
  return eventually(async () => {
    const text = await machine.ok(['kernel', 'result', told.execution.id, '--json', '--as', 'ann']);
    const execution = JSON.parse(text) as Execution;
    return execution.state === 'running' ? undefined : { execution, text };
  });
}

async function run(machine: Machine, code: string, wait: string): Promise<Told> {
  const ran = await machine.run(['kernel', 'run', 'liar', code, '--wait', wait, '--json', '--as', 'ann']);
  if (ran.stdout === '') throw new Error(`no execution: ${ran.stderr}`);
  const execution = JSON.parse(ran.stdout) as Execution;
  if (execution.state === undefined) throw new Error(`no execution: ${ran.stdout.slice(0, 500)}`);
  return { execution, text: ran.stdout };
}

/** The most that it ever held. */
function peak(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024);
}
