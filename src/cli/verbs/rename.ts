/** `ipc rename`: another name for me; mailbox, topics and threads follow. */
import { exact, relative } from '../../present/time.ts';
import type { AgentName } from '../../protocol/names.ts';
import { parseOwnName } from '../../protocol/names.ts';
import { bind, copyKey } from '../../system/keys.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Spec } from '../verb.ts';

const table = fromTable('rename');

const spec: Spec = {
  name: 'rename',
  summary: table.summary,
  usage: '<name>',
  group: 'people',
  words: { min: 1, max: 1 },
  flags: [],
  examples: [['ipc rename fred-debugging', 'everyone who wrote to you lately is told']],
  operations: { rename: { name: 'first word' } },
};

async function run(call: Call): Promise<void> {
  const name = parseOwnName(call.words[0] ?? '');
  await using session = await call.open();
  const { paths, identity } = session;
  const renamed = await session.operations.rename({ name });
  // The old name's file stays: while it forwards, both open the same mailbox.
  copyKey(paths, renamed.from as AgentName, renamed.to as AgentName);
  const { binding } = identity;
  // A name lent for one command with --as is not what this shell is bound to.
  if (binding !== undefined && (identity.how === 'session' || identity.how === 'shell'))
    bind(paths, binding, renamed.to as AgentName);
  await call.tell(renamed, ({ now, offset, style }) => {
    const until = `${renamed.from} forwards until ${exact(renamed.forwardsUntil, offset)} (${relative(renamed.forwardsUntil, now)})`;
    const told = renamed.told === 0 ? '' : `; ${renamed.told} told`;
    return `you are ${style.name(renamed.to)} now; ${until}${told}\n`;
  });
}

export const verb = { spec, run };
