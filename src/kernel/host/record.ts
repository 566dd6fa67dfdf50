/**
 * host/: the process that keeps one kernel for everybody (design §5). It answers what the daemon forwards,
 * keeps a log of what ran, and leaves the kernel alive when it ends. It is handed how to speak to the
 * daemon and how to launch; it knows neither sockets nor verbs.
 *
 * This file: what is kept of a kernel so that it is found again, by the next host too.
 */
import type { AgentName } from '../../protocol/names.ts';
import { makeFolder, readIfThere, replaceFile } from '../../system/files.ts';
import { nameFile } from '../../system/name-file.ts';
import type { Paths } from '../../system/paths.ts';

export interface HostRecord {
  readonly name: AgentName;
  readonly owner: string;
  /** Who else may execute on it, beside people. */
  readonly allowed: readonly string[];
  readonly connectionFile: string;
  /** We started it: we may end it, and start it anew. */
  readonly ours: boolean;
  /** With `ours`: the kernelspec it was started from, and where. */
  readonly spec: string;
  readonly directory: string;
  readonly autoreload: boolean;
  /** It is to be launched by the host that reads this; afterwards it is there. */
  readonly launch: boolean;
  /** The kernel's process, as far as it is known. */
  readonly pid?: number;
  /** The host's process. */
  readonly host?: number;
}

export function kernelFolder(paths: Paths, name: string): string {
  return `${paths.kernels}/${nameFile(name)}`;
}

export function readRecord(paths: Paths, name: string): HostRecord | undefined {
  const text = readIfThere(recordPath(paths, name));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as HostRecord;
  } catch {
    return undefined;
  }
}

export function writeRecord(paths: Paths, record: HostRecord): void {
  makeFolder(kernelFolder(paths, record.name));
  replaceFile(recordPath(paths, record.name), `${JSON.stringify(record, undefined, 2)}\n`);
}

function recordPath(paths: Paths, name: string): string {
  return `${kernelFolder(paths, name)}/host.json`;
}
