/** System 001 (ipython-mcp): its seven tools, each with what does the same here, through the compiled `ipc mcp`. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeConnectionFile } from '../../src/kernel/connection-info.ts';
import { freeConnection } from '../../src/kernel/launch.ts';
import { kernelMcp, missing, openKernelMachine, type KernelMachine } from './kernel-machine.ts';
import { textOf, type McpSession } from './mcp-client.ts';

interface Row {
  readonly theirs: string;
  readonly ours: string;
  readonly holds: string;
  readonly drive: (town: KernelMachine, ann: McpSession) => Promise<void>;
}

const START = { action: 'start', kernel: 'py' } as const;

const tools: readonly Row[] = [
  {
    theirs: 'start_kernel {connection_file}',
    ours: 'kernel_manage start {connection_file}',
    holds: 'it takes the ports and the key of the file, and `~` is the home',
    drive: async ({ machine }, ann) => {
      const info = freeConnection('python3');
      await Bun.write(join(machine.userHome, '.keep'), '');
      writeConnectionFile(join(machine.userHome, 'mine.json'), info);
      const said = await ann.text('kernel_manage', { ...START, connection_file: '~/mine.json' });
      expect(said).toContain(join(machine.userHome, 'mine.json'));
      expect(await ann.text('kernel_execute', { code: '6 * 7' })).toContain('42');
    },
  },
  {
    theirs: 'start_kernel {dry_run: true}',
    ours: 'kernel_manage start {dry_run: true}',
    holds: 'the command is shown and nothing starts',
    drive: async ({ machine }, ann) => {
      const said = await ann.text('kernel_manage', { ...START, dry_run: true });
      expect(said).toContain('nothing was started');
      expect(said).toContain('ipykernel_launcher');
      expect(existsSync(`${machine.home}/kernels/py/host.json`)).toBe(false);
    },
  },
  {
    theirs: 'start_kernel, always with %autoreload 2',
    ours: 'kernel_manage start {autoreload: true}',
    holds: 'an edited module is loaded anew before the next cell; without it, it is not',
    drive: async ({ machine }, ann) => {
      await Bun.write(join(machine.directory, 'mod.py'), 'value = 1');
      await ann.text('kernel_manage', { ...START, autoreload: true });
      expect(await ann.text('kernel_execute', { code: 'import mod; mod.value' })).toContain('1');
      // Another length too: Python's cache looks at time and size.
      await Bun.write(join(machine.directory, 'mod.py'), 'value = 22222');
      expect(await ann.text('kernel_execute', { code: 'mod.value' })).toContain('22222');
    },
  },
  {
    theirs: 'start_kernel, and its kernel outlives the server',
    ours: 'kernel_manage start',
    holds: 'another server of another session finds it and its variables, by name',
    drive: async (town, ann) => {
      await ann.text('kernel_manage', START);
      await ann.text('kernel_execute', { code: 'kept = 7' });
      await ann.client.close();
      await using again = await kernelMcp(town, 'ann');
      expect(await again.text('kernel_execute', { code: 'kept' })).toContain('7');
    },
  },
  {
    theirs: 'connect_to_kernel {connection_file}',
    ours: 'kernel_manage connect {connection_file}',
    holds: 'the state is shared; what the other side ran is there',
    drive: async (town, ann) => {
      const connection_file = await left(town);
      expect(await ann.text('kernel_manage', { action: 'connect', connection_file })).toContain(
        connection_file,
      );
      expect(await ann.text('kernel_execute', { code: 'kept' })).toContain('7');
    },
  },
  {
    theirs: 'connect_to_kernel, with IPYTHON_MCP_CONNECTION',
    ours: 'kernel_manage connect, with the same variable',
    holds: 'its users need change nothing',
    drive: async (town) => {
      const file = await left(town);
      const { env } = town.as('ann');
      await using ann = await kernelMcp(town, 'ann', { env: { ...env, IPYTHON_MCP_CONNECTION: file } });
      expect(await ann.text('kernel_manage', { action: 'connect' })).toContain(file);
      expect(await ann.text('kernel_execute', { code: 'kept' })).toContain('7');
    },
  },
  {
    theirs: 'connect_to_kernel, the file is not there',
    ours: 'kernel_manage connect',
    holds: 'it is refused and nothing is connected',
    drive: async ({ machine }, ann) => {
      const connection_file = join(machine.directory, 'nothing.json');
      const refused = await ann.refused('kernel_manage', { action: 'connect', connection_file });
      expect(refused).toContain(connection_file);
      await ann.refused('kernel_execute', { code: '1' });
    },
  },
  {
    theirs: 'execute_code {code}',
    ours: 'kernel_execute {code}',
    holds: 'what is printed and the result; of nothing, that it is done; of an error, its name and words',
    drive: async (_, ann) => {
      await ann.text('kernel_manage', START);
      const said = await ann.text('kernel_execute', { code: "print('out'); 6 * 7" });
      expect(said).toContain('out\n');
      expect(said).toContain('42');
      expect(await ann.text('kernel_execute', { code: 'x = 1' })).toContain('done');
      expect(await ann.refused('kernel_execute', { code: '1 / 0' })).toContain(
        'ZeroDivisionError: division by zero',
      );
      expect(await ann.text('kernel_execute', { code: '%pwd' })).toContain('/project');
    },
  },
  {
    theirs: 'kernel_status',
    ours: 'kernel_look {what: status}',
    holds: 'without a kernel it says so; with one, that it lives and what it does',
    drive: async (_, ann) => {
      await ann.refused('kernel_look', { what: 'status' });
      await ann.text('kernel_manage', START);
      const said = await ann.text('kernel_look', { what: 'status' });
      expect(said).toMatch(/state +idle/);
      expect(said).toMatch(/heartbeat +[\d.]+ ms/);
    },
  },
  {
    theirs: 'disconnect_kernel',
    ours: 'kernel_manage disconnect',
    holds: 'the kernel lives on with its variables',
    drive: async (_, ann) => {
      await ann.text('kernel_manage', START);
      await ann.text('kernel_execute', { code: 'kept = 1' });
      expect(await ann.text('kernel_manage', { action: 'disconnect' })).toContain('alive');
      await ann.refused('kernel_execute', { code: 'kept' });
      await ann.text('kernel_manage', { action: 'connect', connection_file: 'py' });
      expect(await ann.text('kernel_look', { what: 'variables' })).toContain('kept');
    },
  },
  {
    theirs: 'shutdown_kernel',
    ours: 'kernel_manage shutdown',
    holds: 'it has ended, and its connection file is gone',
    drive: async (town, ann) => {
      await ann.text('kernel_manage', START);
      const { connectionFile } = await town.record();
      expect(await ann.text('kernel_manage', { action: 'shutdown' })).toContain('ended when it was asked');
      expect(existsSync(connectionFile)).toBe(false);
    },
  },
  {
    theirs: 'interrupt_kernel',
    ours: 'kernel_manage interrupt',
    holds: 'the cell ends with KeyboardInterrupt; with nothing running it says that',
    drive: async (_, ann) => {
      await ann.text('kernel_manage', START);
      expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('nothing runs');
      const stuck = await ann.call('kernel_execute', { code: 'while True: pass', wait: 0.3 });
      const [id = ''] = /py-\d+/.exec(textOf(stuck)) ?? [];
      expect(await ann.text('kernel_manage', { action: 'interrupt' })).toContain('interrupted');
      expect(await ann.refused('kernel_result', { id, wait: 5 })).toContain('KeyboardInterrupt');
    },
  },
];

/** A live kernel with `kept` in it that nobody hosts; returns its connection file. */
async function left(town: KernelMachine): Promise<string> {
  const { connectionFile } = await town.start();
  await town.cell('kept = 7');
  await town.machine.ok(['kernel', 'disconnect', 'py'], town.as('ann'));
  return connectionFile;
}

describe.skipIf(missing !== undefined)('tools of ipython-mcp', () => {
  for (const { theirs, ours, holds, drive } of tools)
    test(`${theirs} → ${ours}: ${holds}`, async () => {
      await using town = await openKernelMachine();
      await using ann = await kernelMcp(town, 'ann');
      await drive(town, ann);
    });
});
