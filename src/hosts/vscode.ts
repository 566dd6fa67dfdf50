/**
 * VS Code with Copilot: servers under `servers`, not `mcpServers`; hooks as a file of our own in the folder
 * that VS Code and Copilot CLI both read. Where the hooks of Claude Code stand in settings.json, VS Code runs
 * those too; ours are in a plugin, which it does not read, so they run once.
 */
import { hookLine, serverEntry } from './command.ts';
import type { Host, Wish } from './host.ts';
import type { Json, JsonEntry } from './json-edit.ts';
import { applicationData, ownFolder } from './places.ts';

const SECONDS = 15;
const EVENTS = ['SessionStart', 'UserPromptSubmit', 'PostToolUse', 'Stop'];

export const vscode: Host = {
  name: 'vscode',
  title: 'VS Code',
  signs: ({ environment }) => ({
    programs: ['code'],
    folders: [`${applicationData(environment)}/Code/User`],
  }),
  plan: (wish) => {
    const { environment } = wish;
    const project = wish.scope === 'project';
    const file = project
      ? `${environment.directory}/.vscode/mcp.json`
      : `${applicationData(environment)}/Code/User/mcp.json`;
    const hooks = project
      ? `${environment.directory}/.github/hooks/ipc.json`
      : `${ownFolder(environment, '.copilot', 'COPILOT_HOME')}/hooks/ipc.json`;
    return {
      targets: [
        {
          format: 'json',
          file,
          entries: [
            { kind: 'value', at: ['servers', 'ipc'], value: { type: 'stdio', ...serverEntry(wish) } },
          ],
        },
        { format: 'json', file: hooks, entries: hookEntries(wish) },
      ],
      notes: ['VS Code asks once whether it may trust the server: MCP: List Servers, ipc, Start'],
    };
  },
};

function hookEntries(wish: Wish): readonly JsonEntry[] {
  const handler: Json = { type: 'command', command: hookLine(wish, 'hook'), timeout: SECONDS };
  const version: JsonEntry = { kind: 'value', at: ['version'], value: 1, soft: true };
  // Here the handlers stand in the event's list themselves, with no group around them.
  const items: readonly JsonEntry[] = EVENTS.map((event) => ({
    kind: 'item',
    at: ['hooks', event],
    value: handler,
  }));
  return [version, ...items];
}
