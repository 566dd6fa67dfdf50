/** Claude Code and a kernel, through `ipc mcp --toolsets messages,kernel`: start, run, a plot, a cell that is stuck. */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { endKernels, missing } from '../e2e/kernel-machine.ts';
import { BINARY } from '../e2e/machine.ts';
import { claudeStage } from './claude-code.ts';
import { realProgram } from './installed.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('claude');
const kernelTest = missing === undefined ? realTest : realTest.skip;

/** A result of a tool as Claude Code hands it to the model; a picture is a block of its own, not text. */
const PICTURE = /"type":"image","source":\{[^{}]*"media_type":"image\/png"/;

kernelTest('Claude Code starts a kernel, runs cells, is shown a plot, and interrupts', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  const PATH = '/usr/bin:/bin';
  const MPLBACKEND = 'module://matplotlib_inline.backend_inline';
  const server = {
    command: BINARY,
    args: ['mcp', '--toolsets', 'messages,kernel'],
    env: { PATH, MPLBACKEND },
  };
  const config = join(machine.directory, 'mcp.json');
  await Bun.write(config, JSON.stringify({ mcpServers: { ipc: server } }));
  const tools = ['kernel_execute', 'kernel_result', 'kernel_manage'].map((name) => `mcp__ipc__${name}`);
  model.when(
    'use the kernel',
    call('ToolSearch', { query: `select:${tools.join(',')}` }),
    call('mcp__ipc__kernel_manage', { action: 'start', kernel: 'py' }),
    call('mcp__ipc__kernel_execute', { code: "x = 40\nprint('from the cell', x + 2)" }),
    call('mcp__ipc__kernel_execute', {
      code: "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show(); print('drawn')",
      wait: 50,
    }),
    call('mcp__ipc__kernel_execute', { code: "print('stuck now', flush=True)\nwhile True: pass", wait: 1 }),
    call('mcp__ipc__kernel_manage', { action: 'interrupt' }),
    call('mcp__ipc__kernel_execute', { code: "print('x lives', x)" }),
    say('the kernel did it'),
  );
  try {
    const said = await stage.run(['-p', 'use the kernel', '--mcp-config', config, '--strict-mcp-config']);
    expect(said).toContain('the kernel did it');
    expect((await model.sees('py: python')).fresh).toContain('kernel-ipc-');
    expect((await model.sees('from the cell 42')).whole).not.toMatch(PICTURE);
    const plot = await model.sees('drawn');
    expect(plot.whole).toMatch(PICTURE);
    // The picture's bytes are no text of the conversation.
    expect(plot.fresh.length).toBeLessThan(2_000);
    expect((await model.sees('stuck now')).fresh).toContain('still running');
    await model.sees('interrupted');
    await model.sees('x lives 40');
  } finally {
    await endKernels(machine);
  }
});
