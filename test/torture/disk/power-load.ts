/** What goes on while the power fails: everything at once, and where asked for on a disk that fails to sync now and then. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../../e2e/machine.ts';
import type { Chance } from '../chance.ts';
import { errnos, struck, type WatchedDisk } from './disk.ts';
import { lineClient, type LineClient } from '../line-client.ts';

export const SENDERS = ['ann', 'cyd', 'dan'] as const;
export const READER = 'bob';

export interface Load {
  readonly machine: Machine;
  readonly disk: WatchedDisk;
  readonly luck: Chance;
  /** Messages of each sender. */
  readonly messages: number;
  readonly files: number;
  /** Syncs fail now and then. */
  readonly faulty: boolean;
}

export interface SentMessage {
  readonly from: string;
  readonly body: string;
  /** Among those of its sender. */
  readonly order: number;
  readonly sha256?: string;
}

/**
 * Sends by several at once, a reader that confirms half of what it fetches, files, settings and new names. What
 * was promised beyond sends is noted in the journal: `retentionDays 100`, `name new-1`, `handed <id>`.
 */
export async function load(parts: Load): Promise<ReadonlyMap<string, SentMessage>> {
  const { machine, disk } = parts;
  const env = disk.environment;
  for (const name of SENDERS) await machine.ok(['send', READER, `${name} is here`, '--as', name], { env });
  await machine.ok(['check', '--as', READER], { env });
  const sent = new Map<string, SentMessage>();
  const busy = new Set<string>(SENDERS);
  await Promise.all([
    ...SENDERS.map((name) => send(parts, name, sent).finally(() => busy.delete(name))),
    read(parts, () => busy.size > 0),
    attach(parts, sent),
  ]);
  return sent;
}

async function send(parts: Load, name: string, sent: Map<string, SentMessage>): Promise<void> {
  const { luck, faulty } = parts;
  let client = await open(parts, name);
  for (let n = 0; n < parts.messages; n += 4) {
    if (faulty && luck.next() < 0.1) {
      parts.disk.arm({
        kinds: struck.sync,
        after: luck.below(4),
        times: luck.pick([1, 1, 2, 8]),
        errno: errnos.EIO,
      });
    }
    const together = Array.from({ length: 4 }, (_, index) => {
      const id = Bun.randomUUIDv7();
      const body = `${name} ${n + index} ${'x'.repeat(luck.below(luck.next() < 0.1 ? 30_000 : 600))}`;
      sent.set(id, { from: name, body, order: n + index });
      return client.ask('send', { to: [READER], id, body });
    });
    for (const answer of await Promise.all(together)) {
      if (answer?.result === undefined && !faulty)
        throw new Error(`a send failed: ${JSON.stringify(answer)}`);
    }
    if (client.closed) client = await open(parts, name);
  }
  client[Symbol.dispose]();
}

async function read(parts: Load, goOn: () => boolean): Promise<void> {
  let client = await open(parts, READER);
  for (let turn = 0; goOn(); turn += 1) {
    if (client.closed) client = await open(parts, READER);
    const reader = `reader-${turn}`;
    const answer = await client.ask('check', { reader, limit: 10 });
    const messages = (answer?.result?.['messages'] ?? []) as { id: string; attempt: number }[];
    if (turn % 2 === 1 || messages.length === 0) continue;
    const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
    const confirmed = await client.ask('confirm', { reader, door: 'cli', stage: 'handed', deliveries });
    const lost = (confirmed?.result?.['lost'] ?? deliveries.map(({ id }) => id)) as string[];
    for (const { id } of messages) if (!lost.includes(id)) await parts.disk.note(`handed ${id}`);
  }
  client[Symbol.dispose]();
}

async function attach(parts: Load, sent: Map<string, SentMessage>): Promise<void> {
  const { machine, disk, luck } = parts;
  const run = async (args: readonly string[], note?: string): Promise<void> => {
    const { code, stderr } = await machine.run(args, { env: disk.environment });
    if (code !== 0 && !parts.faulty) throw new Error(stderr);
    if (code === 0 && note !== undefined) await disk.note(note);
  };
  for (let n = 0; n < parts.files; n += 1) {
    const bytes = Buffer.alloc(1 + luck.below(200_000), `${n} ${luck.next()}`);
    const sha256 = new Bun.CryptoHasher('sha256').update(bytes).digest('hex');
    const file = join(machine.directory, `file-${n}`);
    await writeFile(file, bytes);
    // The same bytes twice at once: one of them finds the other's adopted.
    await Promise.all(
      ['ann', 'dan'].map(async (from) => {
        const id = Bun.randomUUIDv7();
        sent.set(id, { from: `a file of ${from}`, body: `file ${n}`, order: n, sha256 });
        await run(['send', READER, `file ${n}`, '--file', file, '--id', id, '--as', from]);
      }),
    );
    await run(['config', 'set', 'retentionDays', String(100 + n)], `retentionDays ${100 + n}`);
    await run(['send', READER, 'new here', '--as', `new-${n}`], `name new-${n}`);
  }
}

async function open({ machine, disk, faulty }: Load, name: string): Promise<LineClient> {
  const key = (await readFile(join(machine.home, 'keys', name), 'utf8')).trim();
  for (let tries = 0; ; tries += 1) {
    await machine.run(['daemon', 'start'], { env: disk.environment });
    try {
      return await lineClient(join(machine.home, 'ipc.sock'), { name, key });
    } catch (error) {
      // Between the two it may have ended: its disk failed to sync.
      if (!faulty || tries === 20) throw error;
    }
  }
}
