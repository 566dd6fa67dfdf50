/** A wall clock that is set, ahead and back, under the compiled binary; the monotonic one goes on. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { missingForDisk, watchDisk } from '../torture/disk/disk.ts';
import { lineClient, type LineClient } from '../torture/line-client.ts';
import { eventually, openMachine, type Machine } from './machine.ts';

const missing = missingForDisk();
if (missing !== undefined) process.stderr.write(`clock: skipped, ${missing}\n`);

const HOUR = 3_600;
const YEARS = 10 * 365 * 24 * HOUR;
const TO_1970 = -Math.floor(Date.now() / 1_000) + 24 * HOUR;
const jumps = [
  ['two hours ahead', 2 * HOUR],
  ['two hours back', -2 * HOUR],
  ['ten years ahead', YEARS],
  ['ten years back', -YEARS],
  ['to 1970', TO_1970],
] as const;

interface Handed {
  readonly id: string;
  readonly body: string;
  readonly again: boolean;
}

async function checked(machine: Machine, env: Readonly<Record<string, string>>): Promise<Handed[]> {
  return (await machine.json<{ messages: Handed[] }>(['check', '--as', 'bob', '--all'], { env })).messages;
}

async function clientOf(machine: Machine, name: string, kind?: 'agent'): Promise<LineClient> {
  const key = (await Bun.file(join(machine.home, 'keys', name)).text()).trim();
  return lineClient(join(machine.home, 'ipc.sock'), { name, key, ...(kind === undefined ? {} : { kind }) });
}

/** Hundredths of a second of processor time that a process has used. */
async function ticks(pid: number): Promise<number> {
  const fields = (await Bun.file(`/proc/${pid}/stat`).text()).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

describe.skipIf(missing !== undefined)('a clock that is set', () => {
  test.each(jumps)(
    '%s, and right again, loses, doubles and delays no mail, and nothing spins',
    async (_name, seconds) => {
      await using machine = await openMachine();
      using disk = await watchDisk(machine.home);
      const env = disk.environment;
      const send = (body: string): Promise<string> =>
        machine.ok(['send', 'bob', body, '--as', 'ann'], { env });
      await send('one');
      // What was read before, and mail for a name that nobody has taken yet.
      await checked(machine, env);
      await send('two');
      await machine.ok(['send', 'nessa', 'for later', '--as', 'ann'], { env });
      disk.setClock(seconds);
      await send('three');
      expect((await checked(machine, env)).map(({ body }) => body)).toEqual(['two', 'three']);
      const who = await machine.ok(['who', '--all'], { env });
      expect(who).not.toMatch(/\bin \d/);
      await send('four');
      // A daemon that starts by the wrong clock, and one that ends by the right one again.
      await machine.ok(['daemon', 'restart'], { env });
      await send('five');
      disk.setClock(0);
      await send('six');
      const last = await checked(machine, env);
      expect(last.map(({ body }) => body)).toEqual(['four', 'five', 'six']);
      expect(last.some(({ again }) => again)).toBe(false);
      const history = await machine.ok(['history', '--as', 'bob'], { env });
      expect(history.match(/^ {4}\w+$/gm)?.map((line) => line.trim())).toEqual([
        'one',
        'two',
        'three',
        'four',
        'five',
        'six',
      ]);
      expect(history).not.toMatch(/\bin \d+ (second|minute|hour|day|week|month|year)/);
      expect((await machine.ok(['check', '--as', 'nessa'], { env })).split('\n')).toContain('    for later');
      const { messages } = await machine.json<{ messages: { id: string }[] }>(['history', '--as', 'bob'], {
        env,
      });
      expect(new Set(messages.map(({ id }) => id)).size).toBe(6);
    },
    60_000,
  );

  test('gives no lease twice, and takes none away', async () => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    const env = disk.environment;
    await machine.ok(['check', '--as', 'bob'], { env });
    await machine.ok(['send', 'bob', 'one', '--as', 'ann'], { env });
    using first = await clientOf(machine, 'bob');
    using second = await clientOf(machine, 'bob');
    const fetched = await first.ask('check', { reader: 'first-reader' });
    const [one] = (fetched?.result?.['messages'] ?? []) as { id: string; attempt: number }[];
    for (const [, seconds] of jumps) {
      disk.setClock(seconds);
      const other = await second.ask('check', { reader: 'second-reader' });
      expect(other?.result).toMatchObject({ messages: [], remaining: 1 });
    }
    const deliveries = [{ id: one?.id, attempt: one?.attempt }];
    const confirmation = { reader: 'first-reader', door: 'cli', stage: 'handed', deliveries };
    expect((await first.ask('confirm', confirmation))?.result).toEqual({ confirmed: 1, lost: [] });
  }, 60_000);

  test('freezes no allowance of the loop guard', async () => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    await machine.ok(['send', 'bob', 'one', '--as', 'ann'], { env: disk.environment });
    using agent = await clientOf(machine, 'ann', 'agent');
    const send = async (body: string): Promise<string | undefined> =>
      (await agent.ask('send', { to: ['bob'], id: Bun.randomUUIDv7(), body }))?.error?.data?.code;
    for (const [, seconds] of jumps) {
      for (let n = 0; (await send(`${seconds} ${n}`)) === undefined; n += 1) expect(n).toBeLessThan(40);
      disk.setClock(seconds);
      // One a second comes back, by whatever clock.
      await eventually(
        async () => ((await send(`${seconds} again`)) === undefined ? true : undefined),
        5_000,
      );
    }
  }, 60_000);

  test('makes the daemon neither spin nor sleep through what is due', async () => {
    await using machine = await openMachine();
    using disk = await watchDisk(machine.home);
    const env = disk.environment;
    await machine.ok(['send', 'bob', 'dies soon', '--expires-in', '1h', '--as', 'ann'], { env });
    await machine.ok(['send', 'nessa', 'kept a week', '--as', 'ann'], { env });
    await machine.ok(['pause', 'for', '1h', '--as', 'ann'], { env });
    const pid = await machine.daemonPid();
    for (const [name, seconds] of jumps) {
      disk.setClock(seconds);
      const body = `due after ${name}`;
      await machine.ok(
        [
          'send',
          'bob',
          body,
          '--not-before',
          new Date(Date.now() + seconds * 1_000 + 1_000).toISOString(),
          '--as',
          'ann',
        ],
        { env },
      );
      const [begun, before] = [performance.now(), await ticks(pid)];
      await eventually(
        async () => (await checked(machine, env)).find((message) => message.body === body),
        5_000,
      );
      await eventually(async () => performance.now() - begun > 1_500 || undefined);
      const share = ((await ticks(pid)) - before) / ((performance.now() - begun) / 10);
      process.stderr.write(`clock ${name}: ${Math.round(share * 100)} % of a processor\n`);
      expect(share).toBeLessThan(0.6);
    }
  }, 60_000);
});
