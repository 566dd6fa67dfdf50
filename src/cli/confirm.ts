/** Asking before what cannot be undone: on a terminal by a question, elsewhere only by --yes (clig.dev). */
import { visibleLine } from '../present/escape.ts';
import { Failure } from '../protocol/failures.ts';
import { isTerminal, writeError } from '../system/output.ts';
import type { Call } from './call.ts';
import type { Flag } from './verb.ts';

export const yesFlag: Flag = {
  name: 'yes',
  field: 'yes',
  kind: 'switch',
  short: 'y',
  help: 'do it without asking',
};

/** Throws `invalid` where nobody can be asked. */
export async function confirmed(call: Call, question: string): Promise<boolean> {
  if (call.values.on('yes')) return true;
  if (!isTerminal(0) || !isTerminal(2)) {
    const line = ['ipc', call.spec.name, ...call.words, '--yes'].join(' ');
    throw new Failure('invalid', `${question} Nobody is here to be asked: say --yes`, { hint: line });
  }
  writeError(`${visibleLine(question)} [y/N] `);
  for await (const typed of Bun.stdin.stream())
    return /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(typed));
  return false;
}
