/** What the product itself says after a crowd went home: its receipts, its log, its own examination. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../../e2e/machine.ts';
import { program, type Build, type Crowd } from './crowd.ts';

/** What is left of a name after renames: `cyd-40` is `cyd`. */
const firstName = (name: string): string => name.replace(/-\d+$/, '');

/**
 * Receipts that claim more than was seen, or less: handed to whom it was never shown, or unread although a
 * reader that showed it ended well.
 */
export async function lyingReceipts(crowd: Crowd, of?: Build): Promise<string[]> {
  const { ledger, machine } = crowd;
  const lies: string[] = [];
  const told = new Set<string>();
  for (const name of new Set([...ledger.ids.keys()].map((key) => key.split(':')[0] ?? ''))) {
    const client = program(machine, name, of);
    for await (const { body = '', mine, receipts } of client.operations.export({})) {
      const key = body.split(' ')[0] ?? '';
      if (!mine || !ledger.ids.has(key)) continue;
      told.add(key);
      for (const { to, state } of receipts) {
        const mailbox = firstName(to);
        const taken = state === 'handed' || state === 'seen' || state === 'acked';
        if (taken && ledger.shownTo(key, mailbox) === 0) lies.push(`${key} ${to} ${state}, never shown`);
        if (!taken && ledger.shownTo(key, mailbox, ['whole']) > 0) lies.push(`${key} ${to} ${state}, shown`);
      }
    }
    await client.close();
  }
  return [
    ...lies,
    ...[...ledger.ids.keys()].filter((key) => !told.has(key)).map((key) => `${key} without receipt`),
  ];
}

/** Errors that nobody expected. */
export async function errorsIn({ home }: Machine): Promise<string[]> {
  const log = await readFile(join(home, 'daemon.log'), 'utf8');
  return log.split('\n').filter((line) => / (error|undeclared|failed) /.test(line));
}

export async function damageOf(machine: Machine, of?: Build): Promise<string[]> {
  const client = program(machine, 'looks', of);
  const { problems, missingBlobs } = await client.operations['store.verify']({});
  await client.close();
  return [...problems, ...missingBlobs];
}
