/** Cursor: mcp.json and hooks.json. Of its hooks only `sessionStart`, `postToolUse` and `stop` can tell its model something. */
import { hookLine, serverEntry } from './command.ts';
import type { Host } from './host.ts';
import type { JsonEntry } from './json-edit.ts';
import { ownFolder } from './places.ts';

const EVENTS = ['sessionStart', 'beforeSubmitPrompt', 'postToolUse', 'stop', 'sessionEnd'];

export const cursor: Host = {
  name: 'cursor',
  title: 'Cursor',
  signs: ({ environment }) => ({
    programs: ['cursor', 'cursor-agent'],
    folders: [ownFolder(environment, '.cursor')],
  }),
  plan: (wish) => {
    const { environment, scope } = wish;
    const folder =
      scope === 'project' ? `${environment.directory}/.cursor` : ownFolder(environment, '.cursor');
    const command = hookLine(wish, 'hook');
    const hooks: readonly JsonEntry[] = EVENTS.map((event) => ({
      kind: 'item',
      at: ['hooks', event],
      value: { command },
    }));
    return {
      targets: [
        {
          format: 'json',
          file: `${folder}/mcp.json`,
          entries: [{ kind: 'value', at: ['mcpServers', 'ipc'], value: serverEntry(wish) }],
        },
        {
          format: 'json',
          file: `${folder}/hooks.json`,
          entries: [{ kind: 'value', at: ['version'], value: 1, soft: true }, ...hooks],
        },
      ],
      notes: ['Cursor shows the server under Settings, MCP; switch it on there if it is off'],
    };
  },
};
