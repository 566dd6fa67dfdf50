/** The defects of system 001, ipython-mcp, by their numbers: not one of them is here, through `ipc mcp`. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { kernelMcp, kill, missing, openKernelMachine, type KernelMachine } from './kernel-machine.ts';
import { eventually } from './machine.ts';
import { textOf, type McpSession } from './mcp-client.ts';

const real = describe.skipIf(missing !== undefined);

/** A kernel that ipc did not start, as far as its new host knows: only attached to, as a person's is. */
async function attachedOnly(town: KernelMachine): Promise<string> {
  const { connectionFile } = await town.start();
  await town.machine.ok(['kernel', 'disconnect', 'py'], town.as('ann'));
  await Bun.$`rm -r ${town.machine.home}/kernels/py`.quiet();
  return connectionFile;
}

const busy = (ann: McpSession) =>
  eventually(async () =>
    (await ann.text('kernel_look', { what: 'status' })).includes('busy for ann') ? true : undefined,
  );

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

real('what a cell shows', () => {
  let town: KernelMachine;
  let ann: McpSession;
  beforeAll(async () => {
    town = await openKernelMachine();
    await town.start();
    ann = await kernelMcp(town, 'ann');
  }, 60_000);
  afterAll(async () => {
    await ann[Symbol.asyncDispose]();
    await town[Symbol.asyncDispose]();
  });

  test('K3: answers belong to their questions after one was not waited for, and its output is not lost', async () => {
    const code = "import time; print('partial', flush=True); time.sleep(0.8); 1/0";
    const early = await ann.text('kernel_execute', { code, wait: 0.3 });
    const [id = ''] = /py-\d+/.exec(early) ?? [];
    expect(early).toContain('partial');
    expect(early).toContain('still running');
    expect(await ann.text('kernel_execute', { code: "'second'" })).toContain('second');
    expect(await ann.text('kernel_execute', { code: "'third request'" })).toContain('third request');
    const late = await ann.refused('kernel_result', { id });
    expect(late).toContain('partial');
    expect(late).toContain('ZeroDivisionError');
  });

  test('K4: an error keeps what was printed before it, and its traceback', async () => {
    const failed = await ann.refused('kernel_execute', { code: "print('before'); 1/0" });
    expect(failed).toContain('before\n');
    expect(failed).toContain('Traceback');
    expect(failed).toContain('ZeroDivisionError: division by zero');
  });

  test('K5: plots, HTML and what replaces it are shown', async () => {
    const plot = await ann.call('kernel_execute', {
      code: 'import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()',
      wait: 60,
    });
    expect(plot.content.filter(({ type }) => type === 'image')).toHaveLength(1);
    const table = "from IPython.display import display, HTML; display(HTML('<b>bold</b> word'))";
    expect(await ann.text('kernel_execute', { code: table })).toContain('bold');
    const code = "h = display('first', display_id=True); h.update('second')";
    const updated = await ann.text('kernel_execute', { code });
    expect(updated).toContain('second');
    expect(updated).not.toContain('first');
  });

  test('K6: no escape sequence of any kind gets through', async () => {
    const code = String.raw`e = '\x1b'; print(f'{e}[38;5;9mred{e}[0m {e}[?2004l{e}]8;;http://x\x07link{e}]8;;\x07 {e}(Bend'); 1/0`;
    const said = await ann.refused('kernel_execute', { code });
    expect(said).toMatch(/^``` output of py-\d+\nred link end\n/);
    expect(said).toContain('ZeroDivisionError');
    expect(said).not.toMatch(/\p{Cc}(?<!\n)/v);
  });

  test('K7: input() fails at once and says why; the kernel goes on', async () => {
    const refused = await ann.refused('kernel_execute', { code: "input('name? ')", wait: 5 });
    expect(refused).toContain('StdinNotImplementedError');
    expect(await ann.text('kernel_execute', { code: '1 + 1' })).toContain('2');
  });

  test('K8: text is as it was printed, stderr is apart, and no answer is without end', async () => {
    const code =
      "import sys\nprint(0, 1, end=' '); print(2)\nprint('   in\\n\\n   two')\nprint('w', file=sys.stderr)";
    const said = await ann.text('kernel_execute', { code });
    expect(said).toContain('0 1 2\n   in\n\n   two\n');
    expect(said.split('   two')[1]).toMatch(/stderr[^]*w/);
    expect((await ann.text('kernel_execute', { code: "print('x' * 16_000_000)" })).length).toBeLessThan(
      20_000,
    );
  });

  test('K16: what is not of its type is refused before anything runs, and much output is read in parts', async () => {
    expect(await ann.refused('kernel_execute', { code: 7 })).toContain('code');
    expect(await ann.refused('kernel_execute', { code: '1', timeout: 5 })).toContain('timeout');
    const long = await ann.text('kernel_execute', { code: "for i in range(9000): print('line', i)" });
    const [id = ''] = /py-\d+/.exec(long) ?? [];
    expect((await ann.text('kernel_result', { id, from: 7, bytes: 6 })).trim()).toBe('line 1');
  });
});

real('stopping', () => {
  test('K1, K2: what runs is interrupted on a kernel that is only attached, while a call waits for it', async () => {
    await using town = await openKernelMachine();
    const file = await attachedOnly(town);
    await using ann = await kernelMcp(town, 'ann');
    await ann.text('kernel_manage', { action: 'connect', connection_file: file, kernel: 'py' });
    const waiting = ann.call('kernel_execute', { code: 'kept = 1\nimport time; time.sleep(60)', wait: 50 });
    await busy(ann);
    expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
    expect(textOf(await waiting)).toContain('KeyboardInterrupt');
    expect(await ann.text('kernel_execute', { code: 'kept' })).toContain('1');
  });

  test('K9, K10: after SIGKILL neither status nor shutdown says that all is well, nor does a failed connect', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const { pid, connectionFile } = await town.record();
    kill(pid);
    const dead = await eventually(async () => {
      const said = await ann.text('kernel_look', { what: 'status' });
      expect(said).not.toContain('idle');
      return said.includes('dead') ? said : undefined;
    });
    expect(dead).toContain('it is gone');
    expect(await ann.text('kernel_manage', { action: 'shutdown' })).toContain('was gone already');
    const gone = { action: 'connect', connection_file: connectionFile, kernel: 'other' };
    await ann.refused('kernel_manage', gone);
    expect(await ann.refused('kernel_look', { what: 'status' })).not.toContain('idle');
  });

  test('K10: a shutdown has ended the process when it says so', async () => {
    await using town = await openKernelMachine();
    const { pid } = await town.start();
    await using ann = await kernelMcp(town, 'ann');
    expect(alive(pid)).toBe(true);
    // At interpreter exit a thread of the user's can hold the process up for ever.
    const thread = 'import threading, time; threading.Thread(target=lambda: time.sleep(600)).start()';
    await ann.text('kernel_execute', { code: thread });
    const said = await ann.text('kernel_manage', { action: 'shutdown' });
    expect(said).toContain('killed');
    // Killed; on a busy machine its parent may hear of it a moment later.
    await eventually(async () => (alive(pid) ? undefined : true), 2_000);
  });
});

real('starting and joining', () => {
  test('K11: ports and key are new for each kernel, the file is its owner’s alone, and no answer shows the key', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
    const facts: { key: string; shell_port: number }[] = [];
    for (const kernel of ['one', 'two']) {
      const said = await ann.text('kernel_manage', { action: 'start', kernel });
      const { connectionFile } = await town.record(kernel);
      const found = (await Bun.file(connectionFile).json()) as { key: string; shell_port: number };
      facts.push(found);
      expect((await stat(connectionFile)).mode & 0o777).toBe(0o600);
      const status = await ann.text('kernel_look', { what: 'status', kernel });
      for (const each of [said, status]) expect(each).not.toContain(found.key.slice(0, 8));
      expect(found.key.length).toBeGreaterThan(40);
      expect(found.key).not.toContain('demo');
    }
    expect(facts[0]?.key).not.toBe(facts[1]?.key ?? '');
    expect(facts[0]?.shell_port).not.toBe(facts[1]?.shell_port ?? 0);
  });

  test('K12: where others hold the ports of a given file, nothing is attached to and no kernel is claimed', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
    const held = Array.from({ length: 5 }, () =>
      Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } }),
    );
    const [shell_port, iopub_port, stdin_port, control_port, hb_port] = held.map(({ port }) => port);
    const file = join(town.machine.directory, 'taken.json');
    const ports = { shell_port, iopub_port, stdin_port, control_port, hb_port };
    const rest = { ip: '127.0.0.1', transport: 'tcp', signature_scheme: 'hmac-sha256', key: 'k'.repeat(64) };
    await Bun.write(file, JSON.stringify({ ...ports, ...rest, kernel_name: 'python3' }));
    await chmod(file, 0o600);
    const start = { action: 'start', kernel: 'py', connection_file: file };
    const refused = await ann.refused('kernel_manage', start);
    expect(refused).toMatch(/in use|ended with|Address/);
    await ann.refused('kernel_execute', { code: '1' });
    for (const each of held) each.stop(true);
  });

  test('K13: a chatty process does not block, a second start leaves the first one known, and so does a new server', async () => {
    await using town = await openKernelMachine();
    {
      await using ann = await kernelMcp(town, 'ann');
      await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
      const code = "import os, sys; n = [os.write(2, b'x' * 65536) for _ in range(64)]; 'written'";
      expect(await ann.text('kernel_execute', { code, wait: 20 })).toContain('written');
      await ann.refused('kernel_manage', { action: 'start', kernel: 'py' });
      await ann.text('kernel_execute', { code: 'while True: pass', wait: 0.3 });
    }
    await using again = await kernelMcp(town, 'ann');
    expect(await again.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
    expect(await again.text('kernel_execute', { code: 'len(n)' })).toContain('64');
  });

  test('K14: a kernel is joined while it is busy for another, and says so', async () => {
    await using town = await openKernelMachine();
    const { connectionFile } = await town.start();
    await town.cell('import time; time.sleep(60)', '--wait', '0.3');
    kill((await town.record()).host);
    await using ann = await kernelMcp(town, 'ann');
    await eventually(async () =>
      (await ann.call('kernel_manage', { action: 'connect', connection_file: connectionFile })).isError ===
      true
        ? undefined
        : true,
    );
    expect(await ann.text('kernel_look', { what: 'status' })).toContain('busy');
    expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
    expect(await ann.text('kernel_execute', { code: '6 * 7' })).toContain('42');
  });

  test('K15: any kernelspec is started, with its own interpreter, whatever `ipython` is on PATH', async () => {
    await using town = await openKernelMachine();
    const { directory } = town.machine;
    const bin = join(directory, 'bin');
    const spec = join(directory, 'jupyter/kernels/mine');
    await mkdir(spec, { recursive: true });
    for (const name of ['ipython', 'python3']) {
      await Bun.write(join(bin, name), '#!/bin/sh\nexit 9\n');
      await chmod(join(bin, name), 0o755);
    }
    const argv = ['/usr/bin/python3', '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
    const env = { OF_SPEC: 'yes' };
    const content = { argv, env, display_name: 'Mine', language: 'snake' };
    await Bun.write(join(spec, 'kernel.json'), JSON.stringify(content));
    const { env: usual } = town.as('ann');
    await using ann = await kernelMcp(town, 'ann', {
      env: { ...usual, PATH: `${bin}:/usr/bin:/bin`, JUPYTER_PATH: join(directory, 'jupyter') },
    });
    expect(await ann.text('kernel_look', { what: 'specs' })).toContain('mine');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py', spec: 'mine' });
    const code = "import os, sys; print(os.environ['OF_SPEC'], sys.executable)";
    expect(await ann.text('kernel_execute', { code })).toContain('yes /usr/bin/python3');
  });
});
