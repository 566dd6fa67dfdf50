/** A cell that prints fifty megabytes: whoever sends messages meanwhile does not notice, nor does memory grow with it. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { daemonSenders, drive, type Load } from '../../scripts/bench/load.ts';
import { missing, openKernelMachine } from './kernel-machine.ts';

const MEGABYTES = 50;
const FLOOD = `for i in range(${MEGABYTES}): print('x' * 1048575)`;

/** The most that a process ever held, in megabytes. */
function peakMegabytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

describe.skipIf(missing !== undefined || process.platform !== 'linux')('fifty megabytes of output', () => {
  test('leave the p99 of send where it was, and the memory of host and daemon bounded', async () => {
    await using town = await openKernelMachine();
    const { machine } = town;
    await town.start();
    const { host = 0 } = await town.record();
    const { socket, pid } = await machine.json<{ socket: string; pid: number }>(['daemon', 'status']);
    const senders = await daemonSenders(socket, 1);
    await drive(senders, { count: 300 });
    const measured = async (beside: () => Promise<unknown>): Promise<Load> => {
      const other = beside();
      const load = await drive(senders, { seconds: 1 });
      await other;
      return load;
    };
    // As much work for the two cores, of a process that has nothing to do with us.
    const busyFor = 'import time; end = time.time() + 1\nwhile time.time() < end: pass';
    const spin = async () => await Bun.spawn(['/usr/bin/python3', '-c', busyFor]).exited;
    const without = await measured(spin);
    const daemonBefore = peakMegabytes(pid);
    const hostBefore = peakMegabytes(host);
    let bytes = 0;
    const during = await measured(async () => {
      const cell = await town.cell(FLOOD, '--wait', '60');
      bytes = cell.whole?.bytes ?? 0;
    });
    for (const sender of senders) sender.close();
    const hostAfter = peakMegabytes(host);
    await town.cell(FLOOD.replace(`${MEGABYTES}`, `${MEGABYTES * 2}`), '--wait', '60');
    const grown = { daemon: peakMegabytes(pid) - daemonBefore, host: hostAfter - hostBefore };
    const more = peakMegabytes(host) - hostAfter;
    process.stderr.write(
      `send p99: ${without.p99.toFixed(2)} ms, during ${MEGABYTES} MB of output ${during.p99.toFixed(2)} ms ` +
        `(${(during.p99 / without.p99).toFixed(2)} x); p50 ${without.p50.toFixed(2)} and ${during.p50.toFixed(2)} ms; ` +
        `peak grew by ${grown.host.toFixed(0)} MB (host; by ${more.toFixed(0)} more for twice as much), ${grown.daemon.toFixed(0)} MB (daemon)\n`,
    );
    expect(bytes).toBe(MEGABYTES * 1_048_576);
    // Through the daemon it would be hundreds of milliseconds; a busy machine makes tens.
    expect(during.p99).toBeLessThan(Math.max(60, without.p99 * 4));
    expect(grown.daemon).toBeLessThan(MEGABYTES / 2);
    expect(grown.host).toBeLessThan(500);
    expect(more).toBeLessThan(150);
  }, 60_000);
});
