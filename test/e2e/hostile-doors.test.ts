/** Hostile peers at the doors, in the short form of each attack (issue 6). */
import { describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testAttack } from '../torture/attack.ts';
import { clientKill } from '../torture/client/client-kill.ts';
import { fenceFuzz } from '../torture/mcp/fence-fuzz.ts';
import { httpFuzz } from '../torture/http/fuzz.ts';
import { kernelLies } from '../torture/kernel/kernel-lies.ts';
import { mcpFuzz } from '../torture/mcp/fuzz.ts';
import { wireFuzz } from '../torture/kernel/wire-fuzz.ts';
import { openMachine } from './machine.ts';
import { openMcp } from './mcp-client.ts';

for (const attack of [httpFuzz, mcpFuzz, clientKill, wireFuzz, kernelLies, fenceFuzz]) testAttack(attack);

describe('a connection file that is none', () => {
  const facts = {
    ...{ shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 },
    ...{ ip: '127.0.0.1', key: 'k', transport: 'tcp', signature_scheme: 'hmac-sha256', kernel_name: 'x' },
  };

  test.each([
    ['a port of 0', { shell_port: 0 }, 'its shell_port is not a port'],
    ['a port of 65536', { hb_port: 65_536 }, 'its hb_port is not a port'],
    ['a signature that nobody knows', { signature_scheme: 'hmac-md4' }, 'its signature scheme'],
    ['no signature', { signature_scheme: 'none' }, 'its signature scheme'],
    ['another transport', { transport: 'epgm' }, 'neither tcp nor ipc'],
    ['an address with a NUL', { ip: 'a\0b' }, 'its ip is no address'],
    ['an address of two lines', { ip: 'a\r\nb' }, 'its ip is no address'],
    ['a path with a NUL', { transport: 'ipc', ip: '/tmp/a\0b' }, 'its ip is no address'],
  ])('%s is refused, and no host is left', async (_what, wrong, said) => {
    await using machine = await openMachine();
    const file = join(machine.directory, 'kernel.json');
    await writeFile(file, JSON.stringify({ ...facts, ...wrong }));
    const { code, stderr } = await machine.run(['kernel', 'connect', file, '--name', 'k', '--as', 'ann']);
    expect([code, stderr]).toEqual([65, expect.stringContaining(said)]);
    expect(stderr).toContain('try: ipc kernel list');
  });

  test('a pipe, a device, a folder, a file of megabytes: refused unread, over MCP too, where everything else goes on', async () => {
    await using machine = await openMachine();
    const pipe = join(machine.directory, 'pipe');
    await Bun.$`mkfifo ${pipe}`.quiet();
    const large = join(machine.directory, 'large');
    await writeFile(large, Buffer.alloc(2_000_000, ' '));
    await using ann = await openMcp(machine, { as: 'ann', args: ['--toolsets', 'messages,kernel'] });
    for (const file of [pipe, '/dev/zero', machine.directory, large]) {
      const { code, stderr } = await machine.run(['kernel', 'connect', file, '--name', 'k', '--as', 'bob']);
      expect([file, code, stderr]).toEqual([file, 65, expect.stringContaining(file)]);
      await ann.refused('kernel_manage', { action: 'connect', connection_file: file, kernel: 'k' });
    }
    expect(await ann.text('who')).toContain('(you');
  });
});
