/** `ipc clear`: my mailbox emptied unread, after asking. */
import type { Call } from '../call.ts';
import { confirmed, yesFlag } from '../confirm.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Spec } from '../verb.ts';

const table = fromTable('clear');

const spec: Spec = {
  name: 'clear',
  summary: table.summary,
  usage: '',
  group: 'messages',
  words: { min: 0, max: 0 },
  flags: [yesFlag],
  examples: [['ipc clear --yes', 'without asking; the history keeps everything']],
  operations: { clear: {} },
};

async function run(call: Call): Promise<number | void> {
  await using session = await call.open();
  const { you } = await session.operations.whoami({});
  const waiting = you?.waiting ?? 0;
  const name = you?.name ?? 'this session';
  if (!(await confirmed(call, `Empty the mailbox of ${name}, ${waiting} unread?`))) return 130;
  const done = await session.operations.clear({});
  await call.tell(done, () => `${done.cleared} put away unread; ipc history still has them\n`);
}

export const verb = { spec, run };
