/** A user with settings of nine client programs, set up and back by the compiled binary. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openMachine, type Machine, type Result } from './machine.ts';

/** Nothing of the machine that runs the tests: no program of theirs on the PATH. */
export const alone = { PATH: '/usr/bin:/bin' };

/** Each as somebody keeps it. */
export const settings: Readonly<Record<string, string>> = {
  '.claude.json': '{\n  "numStartups": 3,\n  "mcpServers": {\n    "github": { "command": "gh-mcp" }\n  }\n}',
  '.claude/settings.json':
    '{\n  "hooks": {\n    "SessionStart": [\n      { "hooks": [{ "type": "command", "command": "echo mine" }] }\n    ]\n  },\n  "enabledPlugins": { "other@there": true }\n}\n',
  '.codex/config.toml': '# mine\nmodel = "gpt-5" # the good one\n\n[mcp_servers.other]\ncommand = "true"',
  '.codex/hooks.json': '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"say done"}]}]}}\n',
  '.cursor/mcp.json':
    '\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"a": { "command": "b" }, // theirs\r\n\t},\r\n}\r\n',
  '.gemini/settings.json':
    '{\n  // how I like it\n  "ui": { "theme": "GitHub" }, /* dark */\n  "hooks": {\n    "SessionStart": [\n      { "hooks": [{ "type": "command", "command": "echo hi" }] }, // mine\n    ],\n  },\n}\n',
  '.config/Code/User/mcp.json': '',
  '.config/Claude/claude_desktop_config.json': '{}',
  '.config/zed/settings.json': '// Zed settings\n{\n  "theme": "One Dark" // t\n}\n',
  '.config/opencode/opencode.json': '{ "$schema": "https://opencode.ai/config.json" }\n',
  '.codeium/windsurf/mcp_config.json': '{\n    "mcpServers": {}\n}\n',
};
export const clients = [
  'claude-code',
  'claude-desktop',
  'codex',
  'cursor',
  'gemini',
  'opencode',
  'vscode',
  'windsurf',
  'zed',
];

export interface SettledUser extends AsyncDisposable {
  readonly machine: Machine;
  /** HOME. */
  readonly user: string;
  /** All the settings above. */
  fill(): void;
  read(path: string): string;
  write(path: string, text: string): void;
  setup(...args: readonly string[]): Promise<Result>;
  unsetup(...args: readonly string[]): Promise<Result>;
  /** Every file with its bytes as text. */
  tree(root?: string): Record<string, string>;
}

export async function openUser(): Promise<SettledUser> {
  const machine = await openMachine();
  const user = machine.userHome;
  mkdirSync(user);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(user, path)), { recursive: true });
    writeFileSync(join(user, path), text);
  };
  return {
    machine,
    user,
    fill: () => {
      for (const [path, text] of Object.entries(settings)) write(path, text);
    },
    read: (path) => readFileSync(join(user, path), 'utf8'),
    write,
    setup: (...args) => machine.run(['setup', ...args], { env: alone }),
    unsetup: (...args) => machine.run(['unsetup', ...args], { env: alone }),
    tree: (root = user) => {
      const files = [...new Bun.Glob('**/*').scanSync({ cwd: root, dot: true })].toSorted();
      return Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
    },
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  };
}

/** Client and what was done, of `--json`. */
export function clientsIn({ stdout }: Result): [string, string][] {
  const { clients: all } = JSON.parse(stdout) as { clients: { client: string; done: string }[] };
  return all.map(({ client, done }) => [client, done]);
}
