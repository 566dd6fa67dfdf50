/** `ipc mute`: what one sender sends me is held until unmuted. */
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';
import { agentName } from './who.ts';

const table = fromTable('mute', ['off']);

const spec: Spec = {
  name: 'mute',
  summary: table.summary,
  usage: '<name>',
  group: 'people',
  words: { min: 1, max: 1 },
  flags: table.flags,
  examples: [
    ['ipc mute carol', 'held, not lost'],
    ['ipc mute carol --off', 'what was held arrives'],
  ],
  operations: { mute: { name: 'first word' } },
};

async function run(call: Call): Promise<void> {
  const name = agentName(call.words[0] ?? '');
  await using session = await call.open();
  const done = await session.operations.mute({ ...inputOf<'mute'>(table, call.values), name });
  await call.tell(done, () =>
    done.muted
      ? `${done.name} is muted: what it sends you is held. ipc mute ${done.name} --off lifts it\n`
      : `${done.name} is not muted; ${done.released} let through\n`,
  );
}

export const verb = { spec, run };
