/**
 * Claude Code. The server stands in its settings and not in the plugin: so its tools are `mcp__ipc__send`
 * and its prompts `/mcp__ipc__get` instead of `mcp__plugin_ipc_ipc__send`, `.mcp.json` of a project names the
 * same server, and it lives on when the plugin is disabled. A plugin's server with the same command would
 * be dropped in its favour (seen with 2.1.329), so it stands in one place only.
 *
 * Hooks, monitor and skills are a plugin in a marketplace that is a folder of the home. Two settings declare
 * it, and Claude Code reads it where it lies (seen with 2.1.329, offline): no copy to go stale, and
 * settings.json is edited by us, who keep it as it is, not by `claude plugin install`, which does not.
 */
import { ownFolder } from './places.ts';
import { hookWords, serverEntry } from './command.ts';
import { hookItems } from './hooks.ts';
import type { Host, Plan, Wish } from './host.ts';
import type { Json } from './json-edit.ts';
import { claudeHooks, pluginFiles, PLUGIN } from './claude-plugin.ts';
import { variable } from '../system/environment.ts';
import { readIfThere } from '../system/files.ts';

const LAUNCH = 'claude --dangerously-load-development-channels server:ipc';

export const claudeCode: Host = {
  name: 'claude-code',
  title: 'Claude Code',
  signs: ({ environment }) => ({
    programs: ['claude'],
    folders: [ownFolder(environment, '.claude', 'CLAUDE_CONFIG_DIR')],
  }),
  plan: (wish) => (wish.scope === 'project' ? projectPlan(wish) : userPlan(wish)),
  leftOver: (place) => {
    const folder = ownFolder(place.environment, '.claude', 'CLAUDE_CONFIG_DIR');
    const known = readIfThere(`${folder}/plugins/known_marketplaces.json`) ?? '';
    return known.includes(JSON.stringify(place.paths.claudePlugin))
      ? [
          `Claude Code still lists the plugin, disabled; this takes it off its list: claude plugin marketplace remove ${PLUGIN}`,
        ]
      : [];
  },
};

function userPlan(wish: Wish): Plan {
  const { environment, paths } = wish;
  const folder = ownFolder(environment, '.claude', 'CLAUDE_CONFIG_DIR');
  const moved = variable(environment, 'CLAUDE_CONFIG_DIR') !== undefined;
  const state = moved ? `${folder}/.claude.json` : ownFolder(environment, '.claude.json');
  const market = paths.claudePlugin;
  const marketplace: Json = { source: { source: 'directory', path: market } };
  return {
    targets: [
      ...pluginFiles(wish, market),
      {
        format: 'json',
        reads: 'json',
        file: state,
        entries: [
          { kind: 'value', at: ['mcpServers', 'ipc'], value: { type: 'stdio', ...serverEntry(wish) } },
        ],
      },
      {
        format: 'json',
        reads: 'json',
        file: `${folder}/settings.json`,
        entries: [
          { kind: 'value', at: ['extraKnownMarketplaces', PLUGIN], value: marketplace },
          { kind: 'value', at: ['enabledPlugins', `${PLUGIN}@${PLUGIN}`], value: true },
        ],
      },
    ],
    notes: [
      'sessions that run now have it after a restart (claude --continue)',
      `for pushes through a channel besides the monitor, start it as: ${LAUNCH}`,
    ],
  };
}

function projectPlan(wish: Wish): Plan {
  const folder = wish.environment.directory;
  return {
    targets: [
      {
        format: 'json',
        reads: 'json',
        file: `${folder}/.mcp.json`,
        entries: [{ kind: 'value', at: ['mcpServers', 'ipc'], value: serverEntry(wish) }],
      },
      {
        format: 'json',
        reads: 'json',
        file: `${folder}/.claude/settings.json`,
        entries: hookItems(claudeHooks((...words) => hookWords(wish, ...words))),
      },
    ],
    notes: [
      'Claude Code asks once whether this project’s server may run',
      'the monitor and the skills come with the set-up for the user: ipc setup claude-code',
      `for pushes through a channel, start it as: ${LAUNCH}`,
    ],
  };
}
