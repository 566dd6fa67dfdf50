/** Who asked a kernel for something, killed while it runs: the cell runs once or not at all, and the kernel lives. */
import type { Machine } from '../../e2e/machine.ts';
import { killWithin, type Stage, type Victim } from './killing.ts';
import { Server } from './victims-mcp.ts';

/** Debian's Python first. */
const env = { PATH: '/usr/bin:/bin' };

export async function startKernel(machine: Machine): Promise<void> {
  await machine.ok(['kernel', 'start', 'py', '--as', 'ann'], { env });
}

const cell = (round: string): string =>
  `import time\nran = globals().get('ran', []) + ['${round}']\ntime.sleep(0.05)\nprint('ran')`;

async function wantOnce({ machine, count }: Stage, round: string, acknowledged: boolean): Promise<void> {
  const code = `print(globals().get('ran', []).count('${round}'))`;
  const times = Number(await machine.ok(['kernel', 'run', 'py', code, '--as', 'ann'], { env }));
  if (times > 1 || (acknowledged && times !== 1)) throw new Error(`the cell ran ${times} times`);
  count('cells run', times);
}

/** `ipc kernel run` */
export const run: Victim = async (stage) => {
  const { machine, random, round, usualMs } = stage;
  const child = machine.start(['kernel', 'run', 'py', cell(`cli-${round}`), '--as', 'ann'], { env });
  const ended = await killWithin(child, random, 3 * usualMs);
  await wantOnce(stage, `cli-${round}`, ended && child.exitCode === 0);
};

/** `kernel_execute` of `ipc mcp`. */
export const execute: Victim = async (stage) => {
  const { machine, round } = stage;
  const server = await Server.begin(machine, 'mcp-coder', ['--toolsets', 'messages,kernel']);
  await machine.ok(['kernel', 'allow', 'py', 'mcp-coder', '--as', 'ann'], { env });
  const number = server.call('kernel_execute', { code: cell(`mcp-${round}`), kernel: 'py' });
  await server.killed(stage, 1);
  await wantOnce(stage, `mcp-${round}`, (server.answers.get(number) ?? '').includes('ran'));
};
