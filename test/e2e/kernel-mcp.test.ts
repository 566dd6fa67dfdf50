/** Kernels through `ipc mcp`: plots as images, progress, questions. */
import { describe, expect, test } from 'bun:test';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelMcp, missing, openKernelMachine } from './kernel-machine.ts';
import { textOf } from './mcp-client.ts';

const real = describe.skipIf(missing !== undefined);

real('the kernel tools', () => {
  test('start a kernel, run code in it, and bring a plot back as an image and nothing else (K5)', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
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
    await using ann = await kernelMcp(town, 'ann');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    const lines: string[] = [];
    const gate = join(town.machine.directory, 'gate');
    const until = `while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.02)`;
    const code = `import os, time\nfor i in range(5): print('epoch', i, flush=True)\n${until}\nprint('the end')`;
    const done = await ann.client.callTool(
      { name: 'kernel_execute', arguments: { code, wait: 30 } },
      undefined,
      {
        onprogress: ({ message = '' }) => {
          lines.push(message);
          if (message === 'epoch 4') writeFileSync(gate, '');
        },
      },
    );
    expect(JSON.stringify(done.content)).toContain('the end');
    expect(lines).toContain('epoch 4');
  });

  test('a stuck cell is interrupted through them, and the rest of an output read in parts (K16)', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
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
    await using ann = await kernelMcp(town, 'ann', {
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
      await using ann = await kernelMcp(town, 'ann');
      await using bob = await kernelMcp(town, 'bob');
      await ann.text('kernel_manage', { action: 'start', kernel: 'py', names: ['bob'] });
      await ann.text('kernel_execute', { code: 'shared = 3' });
      expect(await bob.text('kernel_execute', { code: 'shared * 2' })).toContain('6');
      expect(await bob.text('kernel_look', { what: 'history' })).toContain('py-1 ann');
      expect(await bob.text('kernel_look', { what: 'variables' })).toContain('shared');
    }
    expect(await town.cell('shared')).toMatchObject({ result: '3' });
  });
});
