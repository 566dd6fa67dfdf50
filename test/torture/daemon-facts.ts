/** What the system knows of a daemon's process, and what its log says. Linux only. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface MemoryWatch {
  /** MiB now. */
  now(): Promise<number>;
  /** The most that was ever seen, by the kernel itself. */
  peak(): Promise<number>;
}

export function memoryOf(pid: number): MemoryWatch {
  const read = async (row: string): Promise<number> => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(new RegExp(`${row}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN) / 1024);
  };
  return { now: () => read('VmRSS'), peak: () => read('VmHWM') };
}

/** Seconds of a processor that it has used so far. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Lines of the log that a healthy daemon does not write, whatever others do to it. */
export async function badLogLines(home: string): Promise<string[]> {
  const logs = (await readdir(home)).filter((file) => file.startsWith('daemon.log'));
  const texts = await Promise.all(logs.map((file) => readFile(join(home, file), 'utf8')));
  return texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => line !== '' && !/^\S+ (ready|refused|reloaded|stopping|stopped)\b/.test(line));
}
