/** Gemini CLI: server and hooks in one settings.json, which may have comments. It counts in milliseconds. */
import { hookLine, serverEntry } from './command.ts';
import { hookItems } from './hooks.ts';
import type { Host, Wish } from './host.ts';
import type { Json } from './json-edit.ts';
import { ownFolder } from './places.ts';

const SLOW_MS = 15_000;
const QUICK_MS = 10_000;

export const gemini: Host = {
  name: 'gemini',
  title: 'Gemini CLI',
  signs: ({ environment }) => ({ programs: ['gemini'], folders: [ownFolder(environment, '.gemini')] }),
  plan: (wish) => {
    const { environment, scope } = wish;
    const folder =
      scope === 'project' ? `${environment.directory}/.gemini` : ownFolder(environment, '.gemini');
    return {
      targets: [
        {
          format: 'json',
          // Seen with 0.61.0: a comment it reads, at a trailing comma it gives up.
          reads: 'json with comments',
          file: `${folder}/settings.json`,
          entries: [
            { kind: 'value', at: ['mcpServers', 'ipc'], value: serverEntry(wish) },
            ...hookItems(hooks(wish)),
          ],
        },
      ],
      notes: ['Gemini CLI starts no server in a folder that it does not trust: /permissions trust'],
    };
  },
};

function hooks(wish: Wish): Readonly<Record<string, readonly Json[]>> {
  const run = (timeout: number): readonly Json[] => [
    { name: 'ipc', type: 'command', command: hookLine(wish, 'hook'), timeout },
  ];
  return {
    SessionStart: run(SLOW_MS),
    BeforeAgent: run(QUICK_MS),
    AfterTool: run(QUICK_MS),
    AfterAgent: run(QUICK_MS),
    SessionEnd: run(QUICK_MS),
  };
}
