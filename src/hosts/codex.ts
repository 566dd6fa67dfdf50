/**
 * Codex: the server in config.toml, the hooks in hooks.json, where JSON can be merged and the person's own
 * hooks keep their positions, by which Codex remembers that they are trusted (seen with 0.169.0).
 */
import { forwarded, hookLine, serverEntry } from './command.ts';
import { hookItems } from './hooks.ts';
import type { Host, Wish } from './host.ts';
import type { Json } from './json-edit.ts';
import { ownFolder } from './places.ts';
import { tomlString } from './toml-edit.ts';

const SLOW_SECONDS = 15;
const QUICK_SECONDS = 10;
/** Codex 0.169.0 clamps what a SessionEnd hook asks for to that. */
const END_SECONDS = 3;

export const codex: Host = {
  name: 'codex',
  title: 'Codex',
  signs: ({ environment }) => ({
    programs: ['codex'],
    folders: [ownFolder(environment, '.codex', 'CODEX_HOME')],
  }),
  plan: (wish) => {
    const folder =
      wish.scope === 'project'
        ? `${wish.environment.directory}/.codex`
        : ownFolder(wish.environment, '.codex', 'CODEX_HOME');
    const trust =
      wish.scope === 'project' ? ['Codex reads a project’s .codex only where it trusts the project'] : [];
    return {
      targets: [
        { format: 'toml', file: `${folder}/config.toml`, path: ['mcp_servers', 'ipc'], block: server(wish) },
        { format: 'json', reads: 'json', file: `${folder}/hooks.json`, entries: hookItems(hooks(wish)) },
      ],
      notes: [
        'Codex runs no hook before you approve it: type /hooks in it once, and again after each change',
        ...trust,
      ],
    };
  },
};

function hooks(wish: Wish): Readonly<Record<string, readonly Json[]>> {
  const run = (timeout: number): readonly Json[] => [
    { type: 'command', command: hookLine(wish, 'hook'), timeout },
  ];
  return {
    SessionStart: run(SLOW_SECONDS),
    UserPromptSubmit: run(QUICK_SECONDS),
    PostToolUse: run(QUICK_SECONDS),
    Stop: run(QUICK_SECONDS),
    SessionEnd: run(END_SECONDS),
  };
}

/** Codex gives a server a scrubbed environment: what ours reads has to be named. */
function server(wish: Wish): string {
  const { command, args } = serverEntry(wish);
  const env = Object.entries(forwarded(wish));
  const names = ['CODEX_HOME', 'IPC_AGENT', 'IPC_HOME', 'IPC_SHARED_SECRET'].filter((name) =>
    env.every(([known]) => known !== name),
  );
  const lines = [
    '[mcp_servers.ipc]',
    `command = ${tomlString(command)}`,
    `args = [${args.map(tomlString).join(', ')}]`,
    `env_vars = [${names.map(tomlString).join(', ')}]`,
  ];
  if (env.length > 0)
    lines.push('', '[mcp_servers.ipc.env]', ...env.map(([name, value]) => `${name} = ${tomlString(value)}`));
  return lines.join('\n');
}
