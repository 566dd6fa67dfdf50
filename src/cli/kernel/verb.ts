/** What the verbs of kernels have in common: their rows in the help, and which kernel is meant. */
import { parseOwnName, type AgentName } from '../../protocol/names.ts';
import type { Call } from '../call.ts';
import type { FromTable, Spec } from '../verb.ts';

type Shape = Pick<Spec, 'usage' | 'words' | 'examples'> &
  Partial<Pick<Spec, 'flags' | 'notes'>> & { readonly fields?: Readonly<Record<string, string>> };

export const oneKernel = {
  usage: '[kernel]',
  words: { min: 0, max: 1 },
  fields: { kernel: 'first word' },
} as const;

export function kernelSpec(verb: string, table: FromTable, { fields = {}, ...shape }: Shape): Spec {
  return {
    flags: table.flags,
    ...shape,
    name: `kernel ${verb}`,
    summary: table.summary,
    group: 'kernels',
    operations: { [table.operation]: fields },
  };
}

/** `py` or `@py`. */
export function kernelName(text: string): AgentName {
  return parseOwnName(text.replace(/^@/, ''));
}

/** Without a word the only kernel there is. */
export function kernelMeant(call: Call): { kernel?: AgentName } {
  const [word] = call.words;
  return word === undefined ? {} : { kernel: kernelName(word) };
}
