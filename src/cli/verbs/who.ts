/** `ipc who`: who is here and how each can be reached. */
import { agentText, whoText } from '../../present/people.ts';
import { isName } from '../../protocol/names.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Input } from '../../protocol/operations.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('who', ['all']);

const spec: Spec = {
  name: 'who',
  summary: table.summary,
  usage: '[name]',
  group: 'people',
  words: { min: 0, max: 1 },
  flags: table.flags,
  examples: [
    ['ipc who', 'the living'],
    ['ipc who --all', 'also those who are gone or not here yet'],
    ['ipc who bob', 'everything known of one'],
  ],
  operations: { who: { name: 'first word' } },
};

async function run(call: Call): Promise<void> {
  return showWho(call, inputOf<'who'>(table, call.values), call.words[0]);
}

export async function showWho(call: Call, input: Input<'who'>, name: string | undefined): Promise<void> {
  await using session = await call.open({ agent: 'held' });
  const who = await session.operations.who({
    ...input,
    ...(name === undefined ? {} : { name: agentName(name) }),
  });
  const [only] = who.agents;
  await call.print(who, (look) =>
    name !== undefined && only !== undefined ? agentText(only, look) : whoText(who, look),
  );
}

/** `bob` or `@bob`. */
export function agentName(text: string): string {
  const name = text.startsWith('@') ? text.slice(1) : text;
  if (isName(name)) return name;
  throw new Failure('invalid_name', `wanted the name of an agent, found ${JSON.stringify(text)}`);
}

export const verb = { spec, run };
