/** Disks without room, and disks that may not be written, under the compiled binary. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';
import { missingForSmallDisk, mountHome } from './small-disk.ts';

const missing = missingForSmallDisk();
if (missing !== undefined) process.stderr.write(`disk-full: skipped, ${missing}\n`);

async function bodies(machine: Machine, name: string): Promise<string[]> {
  const { messages } = await machine.json<{ messages: { body: string }[] }>(['check', '--as', name, '--all']);
  return messages.map(({ body }) => body);
}

/** The file that is given up when there is no room stands there soon after the start. */
async function reserveOf(machine: Machine): Promise<string> {
  const path = join(machine.home, 'reserve');
  await eventually(async () => existsSync(path) || undefined);
  return path;
}

describe.skipIf(missing !== undefined)('a full disk', () => {
  test('refuses what is new and says what to run, lets everything be read and acknowledged, and goes on when there is room', async () => {
    await using machine = await openMachine();
    await using disk = mountHome(machine, 24);
    for (const body of ['one', 'two', 'three']) await machine.ok(['send', 'bob', body, '--as', 'ann']);
    await machine.ok(['check', '--as', 'bob', '--limit', '1']);
    const reserve = await reserveOf(machine);
    const pid = await machine.daemonPid();
    disk.fill();
    for (const args of [
      ['send', 'bob', 'four', '--as', 'ann'],
      ['reply', 'five', '--as', 'bob'],
    ]) {
      const refused = await machine.run([...args, '--json']);
      expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([
        75,
        { error: { code: 'disk_full', retry: true, hint: `df -h ${machine.home}` } },
      ]);
    }
    expect(await bodies(machine, 'bob')).toEqual(['two', 'three']);
    // The little that reading writes found no other room.
    expect(existsSync(reserve)).toBe(false);
    const { messages } = await machine.json<{ messages: { id: string }[] }>(['history', '--as', 'bob']);
    await machine.ok(['ack', ...messages.map(({ id }) => id), '--as', 'bob']);
    await machine.ok(['who', '--all']);
    expect((await machine.run(['doctor'])).stdout).toContain(`try: df -h ${machine.home}`);
    disk.empty();
    await eventually(
      async () => (await machine.run(['send', 'bob', 'six', '--as', 'ann'])).code === 0 || undefined,
    );
    expect(await bodies(machine, 'bob')).toEqual(['six']);
    expect(await machine.daemonPid()).toBe(pid);
  }, 60_000);

  test('refuses new mail while there still is room to read the old', async () => {
    await using machine = await openMachine();
    await using disk = mountHome(machine, 24);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann']);
    disk.fill(1_000_000);
    // The disk is not asked for every send.
    const refused = await eventually(async () => {
      const sent = await machine.run(['send', 'bob', 'more', '--as', 'ann']);
      return sent.code === 0 ? undefined : sent;
    });
    expect(refused).toMatchObject({ code: 75, stdout: '' });
    expect(refused.stderr).toContain('nothing new is taken');
    expect((await bodies(machine, 'bob'))[0]).toBe('one');
  }, 60_000);

  test('keeps no piece of a file that did not fit', async () => {
    await using machine = await openMachine();
    await using _disk = mountHome(machine, 24);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann']);
    const file = join(machine.directory, 'big');
    await writeFile(file, Buffer.alloc(30_000_000, 7));
    const refused = [
      await machine.run(['send', 'bob', '--file', file, '--as', 'ann', '--json']),
      await machine.run(['-c', `"${BINARY}" send bob - --as ann --json < "${file}"`], { binary: '/bin/sh' }),
    ];
    for (const { code, stdout } of refused)
      expect([code, JSON.parse(stdout)]).toMatchObject([75, { error: { code: 'disk_full' } }]);
    expect(readdirSync(join(machine.home, 'blobs/staging'))).toEqual([]);
    await machine.ok(['send', 'bob', 'two', '--as', 'ann']);
    expect(await bodies(machine, 'bob')).toEqual(['one', 'two']);
  }, 60_000);

  test('says so to the very first command, and to a daemon that starts on it; the log stays small', async () => {
    await using machine = await openMachine();
    await using disk = mountHome(machine, 8);
    disk.fill();
    expect(await machine.run(['send', 'bob', 'one', '--as', 'ann', '--json'])).toMatchObject({ code: 75 });
    disk.empty();
    await machine.ok(['send', 'bob', 'one', '--as', 'ann']);
    await machine.ok(['check', '--as', 'bob', '--peek']);
    await machine.ok(['daemon', 'stop']);
    disk.fill();
    for (let n = 0; n < 5; n += 1) {
      const refused = await machine.run(['send', 'bob', 'two', '--as', 'ann', '--json']);
      expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([
        75,
        { error: { code: 'disk_full' } },
      ]);
    }
    disk.empty();
    expect(await bodies(machine, 'bob')).toEqual(['one']);
    expect(statSync(join(machine.home, 'daemon.log')).size).toBeLessThan(20_000);
  }, 60_000);

  test('that filled up while no daemon ran is read by one that starts on it, out of its reserve', async () => {
    await using machine = await openMachine();
    await using disk = mountHome(machine, 24);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann']);
    await machine.ok(['check', '--as', 'bob', '--peek']);
    await reserveOf(machine);
    await machine.ok(['daemon', 'stop']);
    disk.fill();
    expect(await bodies(machine, 'bob')).toEqual(['one']);
  }, 60_000);
});

describe.skipIf(missing !== undefined)('a read-only home', () => {
  test('is said to be that by every command, with what shows it; nothing is lost when it can be written again', async () => {
    await using machine = await openMachine();
    await using disk = mountHome(machine, 24);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann']);
    await machine.ok(['daemon', 'stop']);
    disk.remount('ro');
    for (const args of [
      ['send', 'bob', 'two', '--as', 'ann'],
      ['send', 'bob', 'two', '--as', 'new-here'],
      ['check', '--as', 'ann'],
      ['daemon', 'start'],
      ['config', 'set', 'retentionDays', '40'],
    ]) {
      const { code, stderr } = await machine.run(args);
      expect(code).toBe(73);
      expect(stderr).toContain('read-only');
      expect(stderr).toContain(`try: findmnt -T ${machine.home}`);
    }
    const doctor = await machine.run(['doctor']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/fail +home: .*read-only/);
    disk.remount('rw');
    expect(await bodies(machine, 'bob')).toEqual(['one']);
  }, 60_000);
});
