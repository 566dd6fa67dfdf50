/**
 * Windsurf, Zed and opencode: a server entry and nothing else. It is written where their file is there
 * already; a file of theirs is not begun by us, then the entry is shown with the place it belongs to.
 */
import { existsSync } from 'node:fs';
import { serverEntry } from './command.ts';
import type { Host, HostName, Plan, Wish } from './host.ts';
import type { Json } from './json-edit.ts';
import { configFolder, ownFolder } from './places.ts';

export const windsurf = editor({
  name: 'windsurf',
  title: 'Windsurf',
  programs: ['windsurf'],
  folder: ({ environment }) => ownFolder(environment, '.codeium/windsurf'),
  files: ['mcp_config.json'],
  at: ['mcpServers', 'ipc'],
  value: (wish) => serverEntry(wish),
  note: 'in Windsurf refresh the servers under Cascade, MCP servers',
});

export const zed = editor({
  name: 'zed',
  title: 'Zed',
  programs: ['zed', 'zeditor'],
  folder: ({ environment }) =>
    environment.platform === 'win32'
      ? ownFolder(environment, 'AppData/Roaming/Zed')
      : `${configFolder(environment)}/zed`,
  files: ['settings.json'],
  at: ['context_servers', 'ipc'],
  value: (wish) => serverEntry(wish),
  note: 'Zed takes the server at once; older versions want "source": "custom" beside the command',
});

export const opencode = editor({
  name: 'opencode',
  title: 'opencode',
  programs: ['opencode'],
  folder: ({ environment }) => `${configFolder(environment)}/opencode`,
  files: ['opencode.jsonc', 'opencode.json'],
  at: ['mcp', 'ipc'],
  value: (wish) => {
    const { command, args, env } = serverEntry(wish);
    const environment = env === undefined ? {} : { environment: env };
    return { type: 'local', command: [command, ...args], ...environment, enabled: true };
  },
  note: 'opencode reads it at its next start',
});

interface Editor {
  readonly name: HostName;
  readonly title: string;
  readonly programs: readonly string[];
  readonly folder: (wish: Pick<Wish, 'environment'>) => string;
  /** The one that is there is taken. */
  readonly files: readonly [string, ...string[]];
  readonly at: readonly string[];
  readonly value: (wish: Wish) => Json;
  readonly note: string;
}

function editor({ name, title, programs, folder, files, at, value, note }: Editor): Host {
  const plan = (wish: Wish): Plan => {
    if (wish.scope === 'project')
      return { targets: [], notes: [`${title}: ipc setup writes none of its project settings`] };
    const places = files.map((each) => `${folder(wish)}/${each}`);
    const file = places.find((each) => existsSync(each)) ?? `${folder(wish)}/${files[0]}`;
    const target = { format: 'json', file, entries: [{ kind: 'value', at, value: value(wish) }] } as const;
    return existsSync(file)
      ? { targets: [target], notes: [note] }
      : { targets: [target], notes: [note], shown: true };
  };
  return { name, title, signs: (place) => ({ programs, folders: [folder(place)] }), plan };
}
