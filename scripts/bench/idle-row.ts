/** What a daemon with nothing to do takes from the machine. */
import { readFileSync } from 'node:fs';
import type { Row } from './report.ts';
import { type Bench, withSite } from './site.ts';

/** Length of a tick of `/proc/PID/stat` on every Linux this runs on. */
const TICK_MS = 10;

export async function idleRows(bench: Bench): Promise<Row[]> {
  if (process.platform !== 'linux') {
    bench.note('idle daemon: skipped, it is read from /proc');
    return [];
  }
  return await withSite(bench, async (site) => {
    for (const text of ['one', 'two', 'three']) site.ipc('send', '--as', 'writer', 'reader', text);
    site.ipc('check', '--as', 'reader');
    // What the work above left to do is not idling yet.
    await Bun.sleep(3_000);
    const seconds = bench.quick ? 5 : 20;
    const before = processorMs(site.pid);
    await Bun.sleep(seconds * 1000);
    const percent = (processorMs(site.pid) - before) / (seconds * 10);
    const megabytes = residentBytes(site.pid) / 1e6;
    return [
      {
        measure: 'idle daemon, memory',
        found: `${megabytes.toFixed(1)} MB resident`,
        against: '',
        figure: megabytes,
        aim: '< 60 MB',
        met: megabytes < 60,
        numbers: { megabytes },
      },
      {
        measure: 'idle daemon, processor',
        found: `${percent.toFixed(2)} % over ${seconds} s`,
        against: '',
        figure: percent,
        aim: '0 % (below 0.5)',
        met: percent < 0.5,
        numbers: { percent, seconds },
      },
    ];
  });
}

function processorMs(pid: number): number {
  // The name, in brackets, may hold spaces: fields are counted behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
