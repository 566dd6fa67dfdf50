/** How a crowd's machine is made ready for it, and how its mailboxes are emptied when it went home. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../../e2e/machine.ts';
import { until } from '../../support/until.ts';
import { command, showingsIn, type Crowd } from './crowd.ts';

/** More than any crowd sends. */
const PLENTY = 1_000_000;

/** No quota and no guard for a crowd that means well. */
export async function hospitable({ home }: Machine): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const config = {
    'quotas.mailbox': PLENTY,
    'quotas.unbornMailbox': PLENTY,
    'guard.ratePerMinute': PLENTY,
    'guard.burst': PLENTY,
  };
  await writeFile(join(home, 'config.json'), JSON.stringify(config));
}

/** What is left, to readers whom nobody kills; what dead ones had leased comes back within half a minute. */
export async function emptyMailboxes(
  crowd: Crowd,
  mailboxes: readonly string[],
  binary?: string,
): Promise<void> {
  for (const mailbox of mailboxes) {
    await until(
      async () => {
        const ran = await command(crowd, ['check', '--as', mailbox, '--all', '--json'], { binary });
        if (ran.code !== 0) throw new Error(`check of ${mailbox} at rest exited ${ran.code}: ${ran.stderr}`);
        crowd.ledger.show(mailbox, showingsIn(ran.stdout), 'whole');
        return (JSON.parse(ran.stdout) as { remaining: number }).remaining === 0;
      },
      `the mailbox of ${mailbox} to be empty`,
      45_000,
    );
  }
}
