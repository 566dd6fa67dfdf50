/** Which process a kernel is: asked of itself, else of the system (kernels.md §3.2, "Pid in order"). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { KernelClient } from './client.ts';
import type { ConnectionInfo } from './connection-info.ts';

const USAGE_MS = 300;
const LISTENING = '0A';

export async function kernelPid({
  client,
  info,
  file,
}: {
  readonly client: KernelClient;
  readonly info: ConnectionInfo;
  readonly file: string | undefined;
}): Promise<number | undefined> {
  const { answer } = client.ask({ channel: 'control', type: 'usage_request', withinMs: USAGE_MS });
  const found = await answer;
  const pid = found.kind === 'reply' ? found.content['pid'] : undefined;
  if (typeof pid === 'number') return pid;
  return pidFromSystem(info, file);
}

/** Without a word from the kernel: the owner of its port, or the program started with its file. */
export function pidFromSystem(info: ConnectionInfo, file: string | undefined): number | undefined {
  const owner = info.transport === 'tcp' ? portOwner(info.ports.shell) : undefined;
  return owner ?? (file === undefined ? undefined : startedWith(file));
}

export function portOwner(port: number): number | undefined {
  if (process.platform === 'linux') return ownerFromProc(port);
  if (process.platform === 'win32') return undefined;
  const found = Bun.spawnSync(['lsof', '-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp'], { stderr: 'ignore' });
  const pid = /^p(\d+)/m.exec(found.stdout.toString())?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** False: it is gone, or not ours to signal. */
export function signalKernel(pid: number, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function ownerFromProc(port: number): number | undefined {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of lines(table)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === LISTENING && local.endsWith(wanted)) inodes.add(`socket:[${inode}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  return processes().find((pid) => openFiles(pid).some((target) => inodes.has(target)));
}

function startedWith(file: string): number | undefined {
  if (process.platform !== 'linux') return undefined;
  return processes().find((pid) => {
    if (pid === process.pid) return false;
    const words = (lines(`/proc/${pid}/cmdline`)[0] ?? '').split('\0');
    // A kernel is told its file by an option; whoever only names it (an editor, `tail`) is not one.
    return words.some(
      (word, at) =>
        (word === file && /^(-f|--conn|--connection-file)$/.test(words[at - 1] ?? '')) ||
        word === `-f=${file}` ||
        word.endsWith(`connection_file=${file}`),
    );
  });
}

function processes(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function lines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
