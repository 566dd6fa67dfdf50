/** Starting and joining kernels where system 001 went wrong: taken ports, chatty processes, busy kernels. */
import { describe, expect, test } from 'bun:test';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Output } from '../../src/protocol/operations.ts';
import { missing, openKernelMachine } from './kernel-machine.ts';

const real = describe.skipIf(missing !== undefined);

real('start', () => {
  test('with a given connection file takes its ports and its key; whoever else holds those is not joined (K12)', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const sockets = Array.from({ length: 5 }, () =>
      Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } }),
    );
    const [shell, iopub, stdin, control, heart] = sockets.map(({ port }) => port);
    const file = join(machine.directory, 'kernel-given.json');
    const given = {
      shell_port: shell,
      iopub_port: iopub,
      stdin_port: stdin,
      control_port: control,
      hb_port: heart,
      ip: '127.0.0.1',
      key: 'a-key-of-the-test',
      transport: 'tcp',
      signature_scheme: 'hmac-sha256',
      kernel_name: 'python3',
    };
    await Bun.write(file, JSON.stringify(given));
    const args = ['kernel', 'start', 'py', '--connection-file', file];
    const refused = await machine.run(args, as('ann'));
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('ddress already in use');
    for (const socket of sockets) socket.stop(true);
    expect(await machine.ok(args, as('ann'))).toContain(file);
    expect(await town.cell('1 + 1')).toMatchObject({ result: '2' });
    expect(await Bun.file(file).json()).toMatchObject({ key: 'a-key-of-the-test' });
    // Its ports are a live kernel's now: a second one is refused, not mixed with it.
    const second = await machine.run(['kernel', 'start', 'py2', '--connection-file', file], as('ann'));
    expect(second.stderr).toContain(`ipc kernel connect ${file}`);
  });

  test('a name twice makes no second kernel and loses no first one; a chatty process is not blocked (K13)', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const before = await town.record();
    const again = await machine.run(['kernel', 'start', 'py'], as('ann'));
    expect(again.code).toBe(77);
    expect(await town.record()).toEqual(before);
    const chatty = "import os\nfor _ in range(40): os.write(2, b'noise' * 2000)\n'not blocked'";
    expect(await town.cell(chatty)).toMatchObject({ state: 'ok', result: "'not blocked'" });
  });

  test('takes any kernelspec, a user’s own too, and the program it names rather than PATH’s (K15)', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const folder = join(machine.directory, 'jupyter/kernels/mine');
    await mkdir(folder, { recursive: true });
    const argv = ['/usr/bin/python3', '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
    const spec = { argv, display_name: 'Mine', language: 'python', env: { OF_THE_SPEC: 'yes' } };
    await Bun.write(join(folder, 'kernel.json'), JSON.stringify(spec));
    const own = { env: { ...as('ann').env, JUPYTER_PATH: join(machine.directory, 'jupyter') } };
    const { specs } = await machine.json<Output<'kernel.specs'>>(['kernel', 'specs'], own);
    expect(specs.map(({ name }) => name)).toEqual(expect.arrayContaining(['mine', 'python3']));
    await machine.ok(['kernel', 'start', 'py', '--spec', 'mine'], own);
    expect(await town.cell("import os; os.environ['OF_THE_SPEC']")).toMatchObject({ result: "'yes'" });
    const unknown = await machine.run(['kernel', 'start', '--spec', 'pyhton3'], own);
    expect(unknown.code).toBe(66);
    expect(unknown.stderr).toContain('there are mine, python3');
  });

  test('of a kernel that ends at once says its last words and leaves nothing behind', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const folder = join(machine.directory, 'jupyter/kernels/broken');
    await mkdir(folder, { recursive: true });
    const argv = [
      '/usr/bin/python3',
      '-c',
      'raise SystemExit("no such module: of_the_test")',
      '{connection_file}',
    ];
    await Bun.write(
      join(folder, 'kernel.json'),
      JSON.stringify({ argv, display_name: 'B', language: 'python' }),
    );
    const own = { env: { ...as('ann').env, JUPYTER_PATH: join(machine.directory, 'jupyter') } };
    const ran = await machine.run(['kernel', 'start', 'py', '--spec', 'broken'], own);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain('no such module: of_the_test');
    expect((await machine.json<Output<'kernel.list'>>(['kernel', 'list'], own)).kernels).toEqual([]);
  });
});

real('connect', () => {
  test('joins a kernel that is busy (K14), and interrupts what runs there', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    await town.cell('import time; time.sleep(60)', '--wait', '0.3');
    await machine.ok(['kernel', 'disconnect', 'py'], as('ann'));
    await machine.ok(['kernel', 'connect', 'py'], as('ann'));
    await machine.ok(['kernel', 'interrupt', 'py'], as('ann'));
    expect(await town.cell("'free'", '--wait', '10')).toMatchObject({ state: 'ok', result: "'free'" });
  });
});

real('a name', () => {
  test('that is an agent’s becomes no kernel’s, and the kernel that was started for it is ended', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await machine.ok(['whoami'], as('bob'));
    await machine.ok(['send', 'ann', 'I am bob'], as('bob'));
    const refused = await machine.run(['kernel', 'start', 'bob'], as('ann'));
    expect(refused.code).toBe(77);
    expect((await machine.json<Output<'kernel.list'>>(['kernel', 'list'], as('ann'))).kernels).toEqual([]);
  });
});

real('an answer', () => {
  test('that is larger than a frame may be fails by itself, and nobody else notices', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    await town.cell("for i in range(900): globals()[f'v{i}'] = '\\u20ac' * 600");
    const much = await machine.run(['kernel', 'variables', 'py', '--limit', '1000'], as('ann'));
    expect(much.code).toBe(65);
    expect(await machine.ok(['kernel', 'variables', 'py', '--limit', '3'], as('ann'))).toContain('more');
  });
});

real('a flood of output', () => {
  test('three times fifty megabytes leave the host no larger than one did', async () => {
    await using town = await openKernelMachine();
    await town.start();
    const { host = 0 } = await town.record();
    const kilobytes = async (): Promise<number> =>
      Number(/VmRSS:\s+(\d+)/.exec(await Bun.file(`/proc/${host}/status`).text())?.[1]);
    const flood = async (): Promise<number> => {
      const cell = await town.cell("for i in range(50): print('x' * 1048576)", '--most', '1000');
      expect(cell).toMatchObject({ state: 'ok', whole: { bytes: 52_428_850 } });
      // What the flood took is given back a moment after its end.
      let least = await kilobytes();
      for (const end = performance.now() + 1_000; performance.now() < end;)
        least = Math.min(least, await kilobytes());
      return least;
    };
    const once = await flood();
    await flood();
    expect(await flood()).toBeLessThan(once + 40_000);
  });
});
