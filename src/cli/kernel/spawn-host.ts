/** Starting the process that hosts a kernel: detached, its first line says whether it is ready. */
import { closeSync } from 'node:fs';
import { kernelFolder, type HostRecord } from '../../kernel/host/record.ts';
import { Failure, type FailureBody } from '../../protocol/failures.ts';
import type { AgentName } from '../../protocol/names.ts';
import { firstLine } from '../../rpc/start.ts';
import { selfCommand } from '../../system/environment.ts';
import { openToAppend } from '../../system/files.ts';
import { commandWords } from '../../system/processes.ts';
import type { World } from '../call.ts';

export type HostReport =
  | { readonly ready: true; readonly pid: number; readonly language: string }
  | { readonly failure: FailureBody };

/** A kernel that imports half a university starts slowly. */
const READY_MS = 90_000;
/** What a kernel must not inherit: commands run in it would act as the session that started it. */
const OWN = /^(IPC_AGENT|.*_SESSION_ID|CODEX_THREAD_ID)$/;

/** Throws what kept the host from hosting. */
export async function spawnHost(
  { environment, paths }: World,
  name: AgentName,
): Promise<{ language: string }> {
  const log = openToAppend(`${kernelFolder(paths, name)}/host.log`);
  try {
    const variables = Object.entries(environment.variables).filter(([key]) => !OWN.test(key));
    const child = Bun.spawn([...selfCommand(), 'kernel', 'host', name], {
      cwd: environment.directory,
      env: { ...Object.fromEntries(variables), IPC_HOME: paths.home },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: log,
      detached: true,
    });
    const line = await firstLine(child.stdout, READY_MS);
    child.unref();
    const report = line === undefined ? undefined : (JSON.parse(line) as HostReport);
    if (report !== undefined && 'ready' in report) return { language: report.language };
    if (report !== undefined) throw Failure.from(report.failure);
    throw new Failure('kernel_unavailable', `wanted the host of ${name} to be ready; it was not`, {
      hint: `tail ${kernelFolder(paths, name)}/host.log`,
    });
  } finally {
    closeSync(log);
  }
}

/** Its process runs, and is a host: pids are used again. */
export function isHosted({ host, name }: HostRecord): boolean {
  if (host === undefined) return false;
  const words = commandWords(host);
  return words.includes('host') && words.includes(name);
}
