/** `ipc completion`: a script for the shell, made from the verbs themselves. */
import type { Call } from '../call.ts';
import { completionScript, shells, type Shell } from '../completion.ts';
import { Failure } from '../../protocol/failures.ts';
import { suggest } from '../suggest.ts';
import type { Spec } from '../verb.ts';

const spec: Spec = {
  name: 'completion',
  summary: 'Completion for your shell',
  usage: '<bash|zsh|fish|powershell>',
  group: 'system',
  words: { min: 1, max: 1 },
  flags: [],
  examples: [
    ['source <(ipc completion bash)', 'in ~/.bashrc'],
    ['ipc completion zsh > "${fpath[1]}/_ipc"', 'then a new zsh'],
    ['ipc completion fish > ~/.config/fish/completions/ipc.fish', 'at once'],
    ['ipc completion powershell | Out-String | Invoke-Expression', 'in $PROFILE'],
  ],
  operations: {},
};

async function run(call: Call): Promise<void> {
  const script = await completionScript(shellOf(call.words[0] ?? ''));
  await call.print({ script }, () => script);
}

function shellOf(text: string): Shell {
  const found = shells.find((shell) => shell === text);
  if (found !== undefined) return found;
  const near = suggest(text, shells);
  throw new Failure(
    'invalid',
    `wanted ${shells.join(', ')}, found ${JSON.stringify(text)}${near === undefined ? '' : `; did you mean ${near}?`}`,
    { hint: 'ipc help completion' },
  );
}

export const verb = { spec, run };
