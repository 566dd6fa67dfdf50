/** `ipc rename`: another name for me; mailbox, topics and threads follow. */
import { exact, relative } from '../../present/time.ts';
import type { AgentName } from '../../protocol/names.ts';
import { parseOwnName } from '../../protocol/names.ts';
import { refuseUserName } from '../../system/identity.ts';
import { rebindAll } from '../../system/keys.ts';
import { renaming } from '../../system/renamed.ts';
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
  if (identity.kind === 'agent') refuseUserName(call.world.environment, name);
  const names = { from: identity.name, to: name };
  const renamed = await renaming(paths, names, () => session.operations.rename({ name }));
  // A name lent by --as or IPC_AGENT is not what this shell is bound to. A user's is from now on: else
  // $USER would be the old name again once it stops forwarding, and the mail out of reach.
  if (identity.how !== 'as' && identity.how !== 'variable')
    rebindAll(paths, identity.bindings, { name: renamed.to as AgentName, asked: identity.told });
  await call.tell(renamed, ({ now, offset, style }) => {
    const { forwardsUntil } = renamed;
    const until =
      forwardsUntil === undefined
        ? ''
        : `; ${renamed.from} forwards until ${exact(forwardsUntil, offset)} (${relative(forwardsUntil, now)})`;
    const told = renamed.told === 0 ? '' : `; ${renamed.told} told`;
    return `you are ${style.name(renamed.to)} now${until}${told}\n`;
  });
  if (identity.how === 'variable')
    await call.output.warn(`IPC_AGENT still says ${renamed.from}: export IPC_AGENT=${renamed.to}`);
}

export const verb = { spec, run };
