/**
 * Claude Desktop: one file, read at its start. It pushes nothing to its model and has no hooks, so a notice
 * of the system tells its person, who says "get".
 */
import { serverEntry } from './command.ts';
import type { Host } from './host.ts';
import { applicationData } from './places.ts';

export const claudeDesktop: Host = {
  name: 'claude-desktop',
  title: 'Claude Desktop',
  // Its program is not on the PATH on any system; on all of them its folder is there after the first start.
  signs: ({ environment }) => ({ programs: [], folders: [`${applicationData(environment)}/Claude`] }),
  plan: (wish) => {
    if (wish.scope === 'project')
      return { targets: [], notes: ['Claude Desktop has no settings of a project'] };
    const file = `${applicationData(wish.environment)}/Claude/claude_desktop_config.json`;
    return {
      targets: [
        {
          format: 'json',
          reads: 'json',
          file,
          entries: [{ kind: 'value', at: ['mcpServers', 'ipc'], value: serverEntry(wish) }],
        },
      ],
      notes: ['quit Claude Desktop and start it again; then "msgs?" or "get" shows what waits'],
    };
  },
};
