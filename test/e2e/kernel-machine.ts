/** A machine with Debian's ipykernel: kernels a test starts are gone when it ends, their hosts too. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostRecord } from '../../src/kernel/host/record.ts';
import type { Execution } from '../../src/protocol/execution.ts';
import { openMachine, type Machine, type RunOptions } from './machine.ts';
import { openMcp, type McpOptions, type McpSession } from './mcp-client.ts';

/** Why there are no real kernels here; undefined: there are. */
export const missing = missingHere();

function missingHere(): string | undefined {
  const asked = Bun.spawnSync(['/usr/bin/python3', '-c', 'import ipykernel, matplotlib'], { stderr: 'pipe' });
  if (asked.success) return undefined;
  process.stderr.write(
    "(skip) no real kernel here; wanted Debian's python3-ipykernel and python3-matplotlib\n",
  );
  return 'ipykernel is not installed';
}

export interface KernelMachine extends AsyncDisposable {
  readonly machine: Machine;
  /** What a command of an agent runs with: Debian's Python first, and the agent's name. */
  as(agent: string): RunOptions & { readonly env: Readonly<Record<string, string>> };
  /** Starts a kernel named py of ann's. */
  start(...args: string[]): Promise<{ readonly connectionFile: string; readonly pid: number }>;
  /** Runs code as ann; `run`'s own exit code says how the cell ended. */
  cell(code: string, ...args: string[]): Promise<Execution>;
  record(name?: string): Promise<HostRecord>;
}

export async function openKernelMachine(): Promise<KernelMachine> {
  const machine = await openMachine();
  const user = join(dirname(machine.home), 'user');
  const common = {
    PATH: '/usr/bin:/bin',
    HOME: user,
    MPLBACKEND: 'module://matplotlib_inline.backend_inline',
  };
  const as: KernelMachine['as'] = (agent) => ({ env: { ...common, IPC_AGENT: agent } });
  const record = (name = 'py'): Promise<HostRecord> => recordOf(machine, name);
  return {
    machine,
    as,
    record,
    start: (...args) => machine.json(['kernel', 'start', 'py', ...args], as('ann')),
    cell: async (code, ...args) => {
      const ran = await machine.run(['kernel', 'run', ...args, '--json', 'py', code], as('ann'));
      if (ran.stdout === '') throw new Error(`no execution: ${ran.stderr}`);
      return JSON.parse(ran.stdout) as Execution;
    },
    [Symbol.asyncDispose]: async () => {
      await endKernels(machine);
      await machine[Symbol.asyncDispose]();
    },
  };
}

export async function recordOf({ home }: Machine, name: string): Promise<HostRecord> {
  return JSON.parse(await readFile(join(home, 'kernels', name, 'host.json'), 'utf8')) as HostRecord;
}

/** All kernels of a home, and their hosts: a daemon's end does not end them. */
export async function endKernels(machine: Machine): Promise<void> {
  for (const name of await readdir(join(machine.home, 'kernels')).catch(() => [])) {
    const { host, pid } = await recordOf(machine, name);
    for (const each of [host, pid]) kill(each);
  }
}

/** `ipc mcp` of an agent, with the kernel tools. */
export function kernelMcp(town: KernelMachine, as: string, more: McpOptions = {}): Promise<McpSession> {
  const { env } = town.as(as);
  return openMcp(town.machine, { as, args: ['--toolsets', 'messages,kernel'], env, ...more });
}

export function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
