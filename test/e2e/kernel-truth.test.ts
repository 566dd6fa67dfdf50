/** Whose a kernel is, and what it is, when hosts die, two start at once, or its process is stopped. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import type { Output } from '../../src/protocol/operations.ts';
import { kill, missing, openKernelMachine, type KernelMachine } from './kernel-machine.ts';
import { eventually } from './machine.ts';

const real = describe.skipIf(missing !== undefined);

const status = ({ machine, as }: KernelMachine, name = 'ann'): Promise<Output<'kernel.status'>> =>
  machine.json(['kernel', 'status', 'py'], as(name));

async function hostDies(town: KernelMachine): Promise<void> {
  kill((await town.record()).host);
  await eventually(async () => {
    const { code } = await town.machine.run(['kernel', 'status', 'py'], town.as('ann'));
    return code === 0 ? undefined : code;
  });
}

real('a kernel whose host died', () => {
  test('is still its owner’s, whoever attaches it again, and a new kernel does not take its name', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    await town.cell('kept = 7');
    await hostDies(town);
    expect(await machine.json(['kernel', 'start'], as('mallory'))).toMatchObject({ kernel: 'py-2' });
    const taken = await machine.run(['kernel', 'start', 'py'], as('mallory'));
    expect(taken.stderr).toContain('ipc kernel connect py');
    const again = await machine.json<Output<'kernel.connect'>>(['kernel', 'connect', 'py'], as('mallory'));
    expect(again).toMatchObject({ owner: 'ann', allowed: [] });
    expect((await machine.run(['kernel', 'run', 'py', '1'], as('mallory'))).stderr).toContain(
      'somebody who may execute',
    );
    expect(await town.cell('kept')).toMatchObject({ result: '7' });
  });

  test('and that was replaced meanwhile at the same file is not said to have its variables', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const { connectionFile, pid } = await town.start();
    await hostDies(town);
    kill(pid);
    const other = Bun.spawn(['/usr/bin/python3', '-m', 'ipykernel_launcher', '-f', connectionFile], {
      stdout: 'ignore',
      stderr: 'ignore',
    });
    try {
      const again = await eventually(async () => {
        const ran = await machine.run(['kernel', 'connect', 'py'], as('ann'));
        return ran.code === 0 ? `${ran.stdout}${ran.stderr}` : undefined;
      }, 20_000);
      expect(again).toContain('the variables of that one are gone');
    } finally {
      other.kill('SIGKILL');
    }
  });
});

real('a kernel', () => {
  test('that two start under one name at once is started once, and its connection file stays', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const both = await Promise.all(
      ['ann', 'bob'].map((name) => machine.run(['kernel', 'start', 'py', '--json'], as(name))),
    );
    expect(both.map(({ code }) => code).toSorted()[0]).toBe(0);
    expect(both.filter(({ code }) => code === 0)).toHaveLength(1);
    const { connectionFile, owner } = await town.record();
    expect(existsSync(connectionFile)).toBe(true);
    expect(await machine.ok(['kernel', 'run', 'py', '6*7'], as(owner))).toBe('42\n');
  });

  test('whose process is stopped is unreachable, not idle', async () => {
    await using town = await openKernelMachine();
    const { pid } = await town.start();
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await status(town)).toMatchObject({ state: 'unreachable', control: false });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await town.cell('1')).toMatchObject({ state: 'ok' });
  });

  test('says of a flood how much it really left out', async () => {
    await using town = await openKernelMachine();
    await town.start();
    const { stdout } = await town.cell("print('x' * 5_000_000)", '--wait', '30');
    const left = Number(/(\d+) characters left out/.exec(stdout)?.[1]);
    const shown = stdout.replace(/\n\[… \d+ characters left out …\]\n/, '').length;
    expect(left + shown).toBe(5_000_001);
  });

  test('whose connection file lies elsewhere is alive in the list; its owner is not told of an end of his own doing', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const elsewhere = { env: { ...as('ann').env, JUPYTER_RUNTIME_DIR: machine.home } };
    const file = `${machine.home}/given.json`;
    const channels = ['shell', 'iopub', 'stdin', 'control', 'hb'];
    const ports = channels.map((channel) => [`${channel}_port`, freePort()] as const);
    const about = { ip: '127.0.0.1', key: 'given', transport: 'tcp', signature_scheme: 'hmac-sha256' };
    await Bun.write(file, JSON.stringify({ ...Object.fromEntries(ports), ...about }));
    await machine.ok(['kernel', 'start', 'given', '--connection-file', file], elsewhere);
    const { kernels } = await machine.json<Output<'kernel.list'>>(['kernel', 'list'], as('ann'));
    expect(kernels).toMatchObject([{ name: 'given', live: true, hosted: true }]);
    await machine.ok(['kernel', 'shutdown', 'given'], as('ann'));
    expect(await machine.ok(['check'], as('ann'))).not.toContain('is gone');
  });
});

function freePort(): number {
  using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  return server.port;
}
