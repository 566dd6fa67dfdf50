/** An import that is killed, interrupted, or loses its daemon: the next one goes on where it was. */
import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claudeIpcMcp } from '../support/old-systems.ts';
import { command, imported, oldBroker, waiting } from './import-machine.ts';
import { BINARY, eventually, openMachine } from './machine.ts';

test.skipIf(!existsSync('/proc/self/cmdline'))(
  '20,000 messages, the import and the daemon killed in the middle: all of them, once, in order',
  async () => {
    await using machine = await openMachine();
    const messages = Array.from({ length: 20_000 }, (_, index) => ({ content: `number ${index}` }));
    const file = oldBroker(machine);
    claudeIpcMcp(file, messages);
    const stored = async (): Promise<number> =>
      (await machine.json<{ messages: number }>(['daemon', 'status'])).messages;
    await machine.ok(['daemon', 'start']);
    const killedAt: number[] = [];
    for (const victim of ['import', 'daemon'] as const) {
      const from = await stored();
      const running = machine.terminal(command([file]));
      const pid = await eventually(async () => {
        if ((await stored()) < from + 1_000) return undefined;
        return victim === 'daemon' ? machine.daemonPid() : importerOf(file);
      });
      killedAt.push(await stored());
      process.kill(pid, 'SIGKILL');
      const { code } = await running;
      if (victim === 'daemon') expect(code).toBe(0);
    }
    process.stderr.write(`killed at ${killedAt.join(' and ')} of 20,000 messages\n`);
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 0, known: 20_000 });
    const { messages: found } = await waiting(machine);
    expect(found.map(({ body }) => body)).toEqual(messages.map(({ content }) => content));
  },
  60_000,
);

test.skipIf(!existsSync('/proc/self/cmdline'))(
  'Ctrl-C ends an import with 130, and the next one goes on',
  async () => {
    await using machine = await openMachine();
    const file = oldBroker(machine);
    claudeIpcMcp(
      file,
      Array.from({ length: 10_000 }, (_, index) => ({ content: `number ${index}` })),
    );
    await machine.ok(['daemon', 'start']);
    const running = machine.terminal(['import', file]);
    const pid = await eventually(async () => {
      const { messages } = await machine.json<{ messages: number }>(['daemon', 'status']);
      return messages === 0 ? undefined : importerOf(file);
    });
    process.kill(pid, 'SIGINT');
    const { code, stdout } = await running;
    expect([code, stdout.includes('the same command goes on with the rest')]).toEqual([130, true]);
    const { added, known } = (await imported(machine, [file])).sources[0] ?? { added: 0, known: 0 };
    expect([added + known, known > 0]).toEqual([10_000, true]);
    expect(await readdir(join(machine.home, 'blobs/staging'))).toEqual([]);
  },
  60_000,
);

/** The command that imports this file; it runs below a terminal's program and a shell. */
async function importerOf(file: string): Promise<number | undefined> {
  for (const pid of await readdir('/proc')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.endsWith(`\0${file}\0`) && line.startsWith(`${BINARY}\0`)) return Number(pid);
  }
  return undefined;
}
