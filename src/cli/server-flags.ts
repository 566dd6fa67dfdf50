/** What a session's server may be told, by whoever starts it and by whoever writes it into settings. */
import { Failure } from '../protocol/failures.ts';
import type { Values } from './values.ts';
import type { Flag } from './verb.ts';

const toolsets = ['kernel', 'messages'] as const;

export const serverFlags: readonly Flag[] = [
  {
    name: 'toolsets',
    field: 'toolsets',
    kind: 'text',
    hint: 'list',
    help: 'which tools, with commas: messages (when absent), kernel',
  },
  {
    name: 'allow-run',
    field: 'allowRun',
    kind: 'switch',
    help: 'the model may run a command and send its output',
  },
];

/** Throws `invalid` for a set of tools that there is none of. */
export function toolsetsOf(values: Values): readonly string[] {
  const words = (values.text('toolsets') ?? 'messages').split(',').map((word) => word.trim());
  const strange = words.find((word) => !toolsets.some((known) => known === word));
  if (strange === undefined) return words;
  throw new Failure(
    'invalid',
    `wanted toolsets of ${toolsets.join(', ')}, found ${JSON.stringify(strange)}`,
    { hint: 'ipc mcp --toolsets messages' },
  );
}

/** The same again as words of a command line; none for what is so anyway. */
export function serverWords(values: Values): readonly string[] {
  const sets = toolsetsOf(values);
  const usual = sets.length === 1 && sets[0] === 'messages';
  return [
    ...(usual ? [] : ['--toolsets', sets.join(',')]),
    ...(values.on('allowRun') ? ['--allow-run'] : []),
  ];
}
