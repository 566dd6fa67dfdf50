/** Disks that fail, and power that does, under the compiled binary. */
import { expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testAttack } from '../torture/attack.ts';
import { errnos, missingForDisk, struck, watchDisk } from '../torture/disk/disk.ts';
import { ioFaults } from '../torture/disk/io-faults.ts';
import { power } from '../torture/disk/power.ts';
import { eventually, openMachine } from './machine.ts';

testAttack(power);
testAttack(ioFaults);

const missing = missingForDisk();

test.skipIf(missing !== undefined)(
  'a sync that fails acknowledges nothing and ends the daemon, which checks what is there; the next one goes on',
  async () => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    const env = disk.environment;
    await machine.ok(['send', 'bob', 'one', '--as', 'ann'], { env });
    const pid = await machine.daemonPid();
    disk.arm({ kinds: struck.sync, after: 0, times: 1, errno: errnos.EIO });
    const refused = await machine.run(['send', 'bob', 'two', '--as', 'ann', '--json'], { env });
    const { error } = JSON.parse(refused.stdout) as { error: { message: string; hint: string } };
    expect([refused.code, error]).toMatchObject([69, { code: 'store_damaged' }]);
    expect(error.message).toContain('failed to sync');
    const id = /^ipc receipts ([0-9a-f-]{36})$/.exec(error.hint)?.[1] ?? '';
    // The daemon that saw it fail ends by itself, once it has looked at what the disk holds.
    const log = await eventually(async () => {
      const text = await readFile(join(machine.home, 'daemon.log'), 'utf8');
      return /stopped/.test(text) ? text : undefined;
    });
    expect(log).toContain('checked problems=none');
    await machine.ok(['send', 'bob', 'two', '--id', id, '--as', 'ann'], { env });
    await machine.ok(['send', 'bob', 'three', '--as', 'ann'], { env });
    expect(await machine.daemonPid()).not.toBe(pid);
    const { messages } = await machine.json<{ messages: { body: string }[] }>(['check', '--as', 'bob']);
    expect(messages.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  },
  60_000,
);

test.skipIf(missing !== undefined)(
  'a disk that never syncs again is said to be that by each command, until it does',
  async () => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    const env = disk.environment;
    await machine.ok(['send', 'bob', 'one', '--as', 'ann'], { env });
    disk.arm({ kinds: struck.sync, after: 0, times: 1_000_000, errno: errnos.EIO });
    for (const body of ['two', 'three', 'four']) {
      const refused = await machine.run(['send', 'bob', body, '--as', 'ann'], { env });
      expect(refused.code).toBe(69);
      expect(refused.stderr).toMatch(/sync[^]*try: ipc /);
    }
    disk.arm({ kinds: struck.none, after: 0, times: 0, errno: 0 });
    await machine.ok(['send', 'bob', 'five', '--as', 'ann'], { env });
    const { messages } = await machine.json<{ messages: { body: string }[] }>(['check', '--as', 'bob']);
    // What was refused may have been stored all the same, which its refusal said.
    const bodies = messages.map(({ body }) => body);
    expect(bodies.filter((body) => body === 'one' || body === 'five')).toEqual(['one', 'five']);
    expect(new Set(bodies).size).toBe(bodies.length);
  },
  60_000,
);
