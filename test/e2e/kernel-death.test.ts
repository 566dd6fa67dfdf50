/** kill -9 of a kernel, its host, the daemon, each during a cell: what is said afterwards is true. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Output } from '../../src/protocol/operations.ts';
import type { Execution } from '../../src/protocol/execution.ts';
import { kill, missing, openKernelMachine, type KernelMachine } from './kernel-machine.ts';
import { eventually } from './machine.ts';

const real = describe.skipIf(missing !== undefined);

const gateOf = ({ machine }: KernelMachine): string => join(machine.directory, 'gate');

/** Its end is at the gate, which a test opens when it has done what it does meanwhile. */
function long(town: KernelMachine): string {
  const gate = JSON.stringify(gateOf(town));
  const wait = `import os, time\nwhile not os.path.exists(${gate}): time.sleep(0.02)`;
  return `kept = 7\nprint('before', flush=True)\n${wait}\nprint('after', flush=True)`;
}

async function begun(town: KernelMachine): Promise<void> {
  await town.start();
  const early = await town.cell(long(town), '--wait', '0.5');
  expect(early).toMatchObject({ state: 'running', stdout: 'before\n' });
}

const result = async ({ machine, as }: KernelMachine, id: string, wait = 0): Promise<Execution> => {
  const args = ['kernel', 'result', id, '--wait', String(wait), '--json'];
  return JSON.parse((await machine.run(args, as('ann'))).stdout) as Execution;
};

real('kill -9', () => {
  test('of the kernel: the cell died with its output so far, and no new kernel takes its place by itself', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await begun(town);
    kill((await town.record()).pid);
    expect(await result(town, 'py-1', 10)).toMatchObject({ state: 'died', stdout: 'before\n' });
    const status = await machine.json<Output<'kernel.status'>>(['kernel', 'status', 'py'], as('ann'));
    expect(status).toMatchObject({ state: 'dead', control: false });
    const ran = await machine.run(['kernel', 'run', 'py', 'kept'], as('ann'));
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain('it is gone');
    expect(await machine.ok(['check', '--wait=10s'], as('ann'))).toContain('Kernel py is gone');
    await machine.ok(['kernel', 'restart', 'py'], as('ann'));
    expect(await town.cell('kept')).toMatchObject({ error: { name: 'NameError' } });
  });

  test('of its host: the kernel and its variables live; the cell’s end is not known, its output so far is', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await begun(town);
    const before = await town.record();
    kill(before.host);
    const gone = await eventually(async () => {
      const ran = await machine.run(['kernel', 'status', 'py'], as('ann'));
      return ran.code === 0 ? undefined : ran;
    });
    expect(gone.code).toBe(69);
    expect(gone.stderr).toContain('ipc kernel connect py');
    await machine.ok(['kernel', 'connect', 'py'], as('ann'));
    const lost = await result(town, 'py-1');
    expect(lost).toMatchObject({ state: 'unknown' });
    expect(lost.stdout).toStartWith('before\n');
    expect(lost.notes.join()).toContain('the host ended while it ran');
    await Bun.write(gateOf(town), '');
    expect(await town.cell('kept')).toMatchObject({ state: 'ok', result: '7' });
    expect((await town.record()).pid).toBe(before.pid);
  });

  test('of the daemon: the cell runs on, and its host is there for the next daemon', async () => {
    await using town = await openKernelMachine();
    await begun(town);
    kill(await town.machine.daemonPid());
    await Bun.write(gateOf(town), '');
    expect(await result(town, 'py-1', 15)).toMatchObject({ state: 'ok', stdout: 'before\nafter\n' });
    expect(await town.cell('kept')).toMatchObject({ result: '7' });
  });

  test('of whoever asked: the cell runs on to its end', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const asking = machine.start(['kernel', 'run', 'py', long(town)], as('ann'));
    await eventually(async () => {
      const { executions } = await machine.json<Output<'kernel.history'>>(
        ['kernel', 'history', 'py'],
        as('ann'),
      );
      return executions[0]?.state === 'running' ? true : undefined;
    });
    asking.kill('SIGKILL');
    await asking.exited;
    await Bun.write(gateOf(town), '');
    expect(await result(town, 'py-1', 15)).toMatchObject({ state: 'ok', stdout: 'before\nafter\n' });
  });
});

real('the end of a kernel that is asked for', () => {
  test('disconnect leaves it alive with its variables; shutdown ends it and takes its files away', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const { connectionFile } = await town.start();
    await town.cell('kept = 7');
    await machine.ok(['kernel', 'disconnect', 'py'], as('ann'));
    expect((await machine.run(['kernel', 'run', 'py', 'kept'], as('ann'))).code).toBe(69);
    await machine.ok(['kernel', 'connect'], as('ann'));
    expect(await town.cell('kept')).toMatchObject({ result: '7' });
    await machine.ok(['kernel', 'shutdown', 'py'], as('ann'));
    expect(existsSync(connectionFile)).toBe(false);
    expect((await machine.json<Output<'kernel.list'>>(['kernel', 'list'], as('ann'))).kernels).toEqual([]);
  });

  test('a kernel that ipc did not start is not ended but by force', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const { connectionFile } = await town.start();
    await machine.ok(['kernel', 'disconnect', 'py'], as('ann'));
    await eventually(async () =>
      (await machine.run(['who', 'py'], as('ann'))).stdout.includes('online') ? undefined : true,
    );
    await Bun.$`rm -r ${machine.home}/kernels/py`.quiet();
    await machine.ok(['kernel', 'connect', connectionFile, '--name', 'other'], as('ann'));
    const refused = await machine.run(['kernel', 'shutdown', 'other'], as('ann'));
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain('--force');
    await machine.ok(['kernel', 'shutdown', 'other', '--force'], as('ann'));
  });
});
