/** The kernels that live on this machine, found by their connection files and their hearts, and whose they are. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment } from '../system/environment.ts';
import { commandWords, processFacts } from '../system/processes.ts';
import { type ConnectionInfo, endpointOf, readConnectionFile } from './connection-info.ts';
import { runtimeFolder } from './folders.ts';
import { Heartbeat } from './heartbeat.ts';
import { pidFromSystem } from './kernel-process.ts';
import { isOurFile } from './launch.ts';

/** Whose a kernel is. The spare is Spyder's next console: running there pollutes it (kernels.md §3.5). */
export type Origin = 'ours' | 'spyder console' | 'spyder spare' | 'jupyter server' | 'vscode' | 'unknown';

export interface FoundKernel {
  readonly file: string;
  readonly kernelName: string;
  readonly transport: 'tcp' | 'ipc';
  readonly origin: Origin;
  readonly pid: number | undefined;
  /** The program it belongs to: Spyder, a server. */
  readonly parent: number | undefined;
  readonly heartbeat: number;
  readonly writtenAt: number;
}

const HEARTBEAT_MS = 400;
const MAX_FILES = 200;
const MAX_ANCESTORS = 6;
const SPYDER = /^kernel-[0-9a-f]{12}\.json$/;
const VSCODE = /^kernel-v\d+-/;

export async function findKernels(
  environment: Environment,
  ownFolders: readonly string[] = [],
): Promise<readonly FoundKernel[]> {
  const files = [...new Set([runtimeFolder(environment), ...ownFolders])].flatMap(filesIn);
  const newest = files.toSorted((a, b) => b.writtenAt - a.writtenAt).slice(0, MAX_FILES);
  const living = await Promise.all(newest.map(async (file) => await look(file, ownFolders)));
  return spares(living.filter((kernel) => kernel !== undefined));
}

/** Whether a kernel answers at this file, wherever the file lies. */
export async function isAlive(file: string): Promise<boolean> {
  const info = readable(file);
  if (info === undefined) return false;
  using heart = new Heartbeat(endpointOf(info, 'hb'));
  return (await heart.beat(HEARTBEAT_MS)) !== undefined;
}

interface Candidate {
  readonly folder: string;
  readonly name: string;
  readonly writtenAt: number;
}

function filesIn(folder: string): readonly Candidate[] {
  try {
    const names = readdirSync(folder).filter((name) => /^kernel-.*\.json$/.test(name));
    return names.flatMap((name) => {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      return found?.isFile() === true ? [{ folder, name, writtenAt: found.mtimeMs }] : [];
    });
  } catch {
    return [];
  }
}

async function look(
  { folder, name, writtenAt }: Candidate,
  ownFolders: readonly string[],
): Promise<FoundKernel | undefined> {
  const file = join(folder, name);
  const info = readable(file);
  if (info === undefined) return undefined;
  using heart = new Heartbeat(endpointOf(info, 'hb'));
  const heartbeat = await heart.beat(HEARTBEAT_MS);
  if (heartbeat === undefined) return undefined;
  const pid = pidFromSystem(info, file);
  const own = isOurFile(name) || ownFolders.includes(folder);
  const { origin, parent } = own ? { origin: 'ours' as const, parent: undefined } : originOf(name, pid);
  const { kernelName, transport } = info;
  return { file, kernelName, transport, origin, pid, parent, heartbeat, writtenAt };
}

/** Broken files, and those of other users, are nobody's kernels. */
function readable(file: string): ConnectionInfo | undefined {
  try {
    return readConnectionFile(file);
  } catch {
    return undefined;
  }
}

function originOf(name: string, pid: number | undefined): Pick<FoundKernel, 'origin' | 'parent'> {
  let next = pid === undefined ? undefined : processFacts(pid)?.parent;
  for (let steps = 0; next !== undefined && next > 1 && steps < MAX_ANCESTORS; steps += 1) {
    const words = commandWords(next).slice(0, 4).join(' ');
    if (/spyder/i.test(words)) return { origin: 'spyder console', parent: next };
    if (/jupyter|jupyverse/i.test(words)) return { origin: 'jupyter server', parent: next };
    if (/vscode|code-server|\/code\b|positron/i.test(words)) return { origin: 'vscode', parent: next };
    next = processFacts(next)?.parent;
  }
  // Its parent is gone or not to be seen: its name tells who named it.
  if (SPYDER.test(name)) return { origin: 'spyder console', parent: undefined };
  return { origin: VSCODE.test(name) ? 'vscode' : 'unknown', parent: undefined };
}

/** Spyder keeps one kernel more than it shows: the newest of each Spyder (one observation, kernels.md §3.5). */
function spares(kernels: readonly FoundKernel[]): readonly FoundKernel[] {
  return kernels.map((kernel) => {
    if (kernel.origin !== 'spyder console' || kernel.parent === undefined) return kernel;
    const siblings = kernels.filter(({ parent }) => parent === kernel.parent);
    const newest = siblings.every(({ writtenAt }) => writtenAt <= kernel.writtenAt);
    return siblings.length > 1 && newest ? { ...kernel, origin: 'spyder spare' } : kernel;
  });
}
