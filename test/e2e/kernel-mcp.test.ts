/** Kernels through `ipc mcp`: plots as images, progress, questions; and system 001's tools, row by row. */
import { describe, expect, test } from 'bun:test';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { existsSync } from 'node:fs';
import { missing, openKernelMachine, type KernelMachine } from './kernel-machine.ts';
import { openMcp, textOf, type McpOptions, type McpSession } from './mcp-client.ts';

const real = describe.skipIf(missing !== undefined);

function opened(town: KernelMachine, as: string, more: McpOptions = {}): Promise<McpSession> {
  const { env } = town.as(as);
  return openMcp(town.machine, { as, args: ['--toolsets', 'messages,kernel'], env, ...more });
}

real('the kernel tools', () => {
  test('start a kernel, run code in it, and bring a plot back as an image and nothing else (K5)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    expect(await ann.text('kernel_manage', { action: 'start', kernel: 'py' })).toContain('py: python');
    expect(await ann.text('kernel_execute', { code: 'x = 20\nx + 1' })).toContain('21');
    const plot = await ann.call('kernel_execute', {
      code: 'import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()',
      wait: 60,
    });
    const images = plot.content.filter((part) => part.type === 'image');
    expect(images).toMatchObject([{ mimeType: 'image/png' }]);
    expect(
      Buffer.from(images[0]?.data ?? '', 'base64')
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect(plot.structuredContent).toBeUndefined();
    expect(textOf(plot)).not.toContain(images[0]?.data.slice(0, 40) ?? 'a picture');
  });

  test('say while they wait what the cell printed last', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const lines: string[] = [];
    const code = "import time\nfor i in range(5): print('epoch', i, flush=True); time.sleep(1)";
    const done = await ann.client.callTool(
      { name: 'kernel_execute', arguments: { code, wait: 30 } },
      undefined,
      { onprogress: ({ message }) => void lines.push(message ?? '') },
    );
    expect(JSON.stringify(done.content)).toContain('epoch 4');
    expect(lines.some((line) => /^epoch [1-4]$/.test(line))).toBe(true);
  });

  test('a stuck cell is interrupted through them, and the rest of an output read in parts (K16)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const stuck = await ann.text('kernel_execute', { code: 'while True: pass', wait: 0.5 });
    expect(stuck).toContain('py-1 still running');
    expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
    expect(await ann.refused('kernel_result', { id: 'py-1', wait: 5 })).toContain('KeyboardInterrupt');
    const long = await ann.text('kernel_execute', { code: "for i in range(9000): print('line', i)" });
    expect(long).toContain('ipc://execution/py-2');
    expect(await ann.text('kernel_result', { id: 'py-2', from: 0, bytes: 7 })).toBe('line 0\n'.trim());
    const { contents } = await ann.client.readResource({ uri: 'ipc://execution/py-2?from=7&bytes=6' });
    expect(contents).toMatchObject([{ text: 'line 1' }]);
  });

  test('a cell’s input() is asked of the user where the client can ask', async () => {
    await using town = await openKernelMachine();
    const asked: string[] = [];
    await using ann = await opened(town, 'ann', {
      capabilities: { elicitation: {} },
      prepare: (client) =>
        client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
          asked.push(params.message);
          return { action: 'accept', content: { answer: 'bob' } };
        }),
    });
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const said = await ann.text('kernel_execute', { code: "'hello ' + input('who? ')", ask_input: true });
    expect(said).toContain('hello bob');
    expect(asked).toEqual(['who? ']);
  });

  test('two servers share one kernel, and it outlives both', async () => {
    await using town = await openKernelMachine();
    {
      await using ann = await opened(town, 'ann');
      await using bob = await opened(town, 'bob');
      await ann.text('kernel_manage', { action: 'start', kernel: 'py', names: ['bob'] });
      await ann.text('kernel_execute', { code: 'shared = 3' });
      expect(await bob.text('kernel_execute', { code: 'shared * 2' })).toContain('6');
      expect(await bob.text('kernel_look', { what: 'history' })).toContain('py-1 ann');
      expect(await bob.text('kernel_look', { what: 'variables' })).toContain('shared');
    }
    expect(await town.cell('shared')).toMatchObject({ result: '3' });
  });
});

/** What each tool of system 001 did, and what of it did not work. */
real('system 001, tool by tool', () => {
  test('start_kernel: with dry_run nothing starts; a kernel gets a random key, which no answer shows (K11)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    const dry = await ann.text('kernel_manage', { action: 'start', kernel: 'py', dry_run: true });
    expect(dry).toContain('nothing was started');
    expect(dry).toContain('ipykernel_launcher');
    expect(existsSync(`${town.machine.home}/kernels/py/host.json`)).toBe(false);
    const said = await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const { connectionFile } = await town.record();
    const { key } = (await Bun.file(connectionFile).json()) as { key: string };
    expect(key.length).toBeGreaterThan(40);
    expect(said).not.toContain(key.slice(0, 8));
  });

  test('connect_to_kernel: the file of IPYTHON_MCP_CONNECTION, as its users have it', async () => {
    await using town = await openKernelMachine();
    const { connectionFile } = await town.start();
    await town.cell('kept = 7');
    await town.machine.ok(['kernel', 'disconnect', 'py'], town.as('ann'));
    const { env } = town.as('ann');
    await using ann = await opened(town, 'ann', {
      env: { ...env, IPYTHON_MCP_CONNECTION: connectionFile },
    });
    expect(await ann.text('kernel_manage', { action: 'connect' })).toContain(connectionFile);
    expect(await ann.text('kernel_execute', { code: 'kept' })).toContain('7');
  });

  test('execute_code: answers belong to their questions after one was not waited for (K3)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const code = "import time; print('partial', flush=True); time.sleep(1); 1/0";
    const early = await ann.text('kernel_execute', { code, wait: 0.4 });
    expect(early).toContain('partial');
    expect(await ann.text('kernel_execute', { code: "'second'" })).toContain('second');
    expect(await ann.text('kernel_execute', { code: "'third request'" })).toContain('third request');
    expect(await ann.refused('kernel_result', { id: 'py-1' })).toContain('ZeroDivisionError');
  });

  test('execute_code: text as it was printed and a bounded answer (K8), input() refused at once (K7)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const spaced = await ann.text('kernel_execute', {
      code: "print(0, 1, end=' '); print(2)\nprint('   in')",
    });
    expect(spaced).toContain('0 1 2\n   in\n');
    const long = await ann.text('kernel_execute', { code: "print('x' * 16_000_000)" });
    expect(long.length).toBeLessThan(20_000);
    expect(await ann.refused('kernel_execute', { code: 'input()' })).toContain('StdinNotImplementedError');
    expect(await ann.text('kernel_execute', { code: '1 + 1' })).toContain('2');
  });

  test('kernel_status and shutdown_kernel: after SIGKILL neither says that all is well (K9, K10)', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    expect(await ann.text('kernel_look', { what: 'status' })).toContain('idle');
    process.kill((await town.record()).pid ?? 0, 'SIGKILL');
    const dead = await ann.refused('kernel_execute', { code: '1' });
    expect(dead).toMatch(/gone|died/);
    expect(await ann.text('kernel_look', { what: 'status' })).toContain('dead');
    expect(await ann.text('kernel_manage', { action: 'shutdown' })).toContain('was gone already');
  });

  test('interrupt_kernel: works on a kernel that is only attached (K1), while a call waits for its cell (K2)', async () => {
    await using town = await openKernelMachine();
    const { connectionFile } = await town.start();
    await town.machine.ok(['kernel', 'disconnect', 'py'], town.as('ann'));
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'connect', connection_file: connectionFile });
    const waiting = ann.call('kernel_execute', { code: 'import time; time.sleep(60)', wait: 50 });
    for (;;) if ((await ann.text('kernel_look', { what: 'status' })).includes('busy for ann')) break;
    expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
    expect(textOf(await waiting)).toContain('KeyboardInterrupt');
  });

  test('disconnect_kernel: the kernel lives on', async () => {
    await using town = await openKernelMachine();
    await using ann = await opened(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    await ann.text('kernel_execute', { code: 'kept = 1' });
    expect(await ann.text('kernel_manage', { action: 'disconnect' })).toContain('alive');
    await ann.text('kernel_manage', { action: 'connect', connection_file: 'py' });
    expect(await ann.text('kernel_look', { what: 'variables' })).toContain('kept');
  });
});
