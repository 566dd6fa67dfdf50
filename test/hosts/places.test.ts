/** Where each client's settings are on the three systems, and what is written into them. */
import { describe, expect, test } from 'bun:test';
import type { HostName, Scope, Wish } from '../../src/hosts/host.ts';
import { hostNamed, hosts } from '../../src/hosts/host-list.ts';
import type { Environment } from '../../src/system/environment.ts';
import { resolvePaths } from '../../src/system/paths.ts';
import { thrownBy } from '../support/thrown.ts';

const machines = {
  linux: machine('linux', '/home/ann', {}),
  darwin: machine('darwin', '/mac/ann', {}),
  win32: machine('win32', 'C:\\Users\\ann', {
    APPDATA: 'C:\\Users\\ann\\AppData\\Roaming',
    LOCALAPPDATA: 'C:\\Users\\ann\\AppData\\Local',
  }),
} as const;

type System = keyof typeof machines;

const WINDOWS = machines.win32.userHome.replaceAll('\\', '/');

/** The files of a set-up for the user; those of our own plugin are in the home and not here. */
const places: Readonly<Record<HostName, Readonly<Record<System, readonly string[]>>>> = {
  'claude-code': {
    linux: ['/home/ann/.claude.json', '/home/ann/.claude/settings.json'],
    darwin: ['/mac/ann/.claude.json', '/mac/ann/.claude/settings.json'],
    // R9: mcp-relay wrote to %APPDATA%\Claude here, where Claude Code never looks.
    win32: [`${WINDOWS}/.claude.json`, `${WINDOWS}/.claude/settings.json`],
  },
  'claude-desktop': {
    linux: ['/home/ann/.config/Claude/claude_desktop_config.json'],
    darwin: ['/mac/ann/Library/Application Support/Claude/claude_desktop_config.json'],
    win32: [`${WINDOWS}/AppData/Roaming/Claude/claude_desktop_config.json`],
  },
  codex: {
    linux: ['/home/ann/.codex/config.toml', '/home/ann/.codex/hooks.json'],
    darwin: ['/mac/ann/.codex/config.toml', '/mac/ann/.codex/hooks.json'],
    win32: [`${WINDOWS}/.codex/config.toml`, `${WINDOWS}/.codex/hooks.json`],
  },
  cursor: {
    linux: ['/home/ann/.cursor/mcp.json', '/home/ann/.cursor/hooks.json'],
    darwin: ['/mac/ann/.cursor/mcp.json', '/mac/ann/.cursor/hooks.json'],
    win32: [`${WINDOWS}/.cursor/mcp.json`, `${WINDOWS}/.cursor/hooks.json`],
  },
  gemini: {
    linux: ['/home/ann/.gemini/settings.json'],
    darwin: ['/mac/ann/.gemini/settings.json'],
    win32: [`${WINDOWS}/.gemini/settings.json`],
  },
  opencode: {
    linux: ['/home/ann/.config/opencode/opencode.jsonc'],
    darwin: ['/mac/ann/.config/opencode/opencode.jsonc'],
    win32: [`${WINDOWS}/.config/opencode/opencode.jsonc`],
  },
  vscode: {
    linux: ['/home/ann/.config/Code/User/mcp.json', '/home/ann/.copilot/hooks/ipc.json'],
    darwin: ['/mac/ann/Library/Application Support/Code/User/mcp.json', '/mac/ann/.copilot/hooks/ipc.json'],
    win32: [`${WINDOWS}/AppData/Roaming/Code/User/mcp.json`, `${WINDOWS}/.copilot/hooks/ipc.json`],
  },
  windsurf: {
    linux: ['/home/ann/.codeium/windsurf/mcp_config.json'],
    darwin: ['/mac/ann/.codeium/windsurf/mcp_config.json'],
    win32: [`${WINDOWS}/.codeium/windsurf/mcp_config.json`],
  },
  zed: {
    linux: ['/home/ann/.config/zed/settings.json'],
    darwin: ['/mac/ann/.config/zed/settings.json'],
    win32: [`${WINDOWS}/AppData/Roaming/Zed/settings.json`],
  },
};

const rows = Object.entries(places).flatMap(([name, systems]) =>
  Object.entries(systems).map(([system, files]) => [name, system, files] as const),
);

describe('for the user', () => {
  test.each(rows)('%s on %s', (name, system, files) => {
    expect(filesOf(name as HostName, machines[system as System], 'user')).toEqual([...files]);
  });
});

describe('for a project', () => {
  test.each<[HostName, readonly string[]]>([
    ['claude-code', ['/project/.mcp.json', '/project/.claude/settings.json']],
    ['codex', ['/project/.codex/config.toml', '/project/.codex/hooks.json']],
    ['cursor', ['/project/.cursor/mcp.json', '/project/.cursor/hooks.json']],
    ['gemini', ['/project/.gemini/settings.json']],
    ['vscode', ['/project/.vscode/mcp.json', '/project/.github/hooks/ipc.json']],
    ['claude-desktop', []],
  ])('%s', (name, files) => {
    expect(filesOf(name, machines.linux, 'project')).toEqual([...files]);
  });
});

describe('folders that a variable of the program’s own moved', () => {
  test.each<[HostName, Record<string, string>, string]>([
    ['claude-code', { CLAUDE_CONFIG_DIR: '/cc' }, '/cc/.claude.json'],
    ['codex', { CODEX_HOME: '/cx' }, '/cx/config.toml'],
    ['vscode', { XDG_CONFIG_HOME: '/xdg' }, '/xdg/Code/User/mcp.json'],
    ['opencode', { XDG_CONFIG_HOME: '/xdg' }, '/xdg/opencode/opencode.jsonc'],
  ])('%s', (name, variables, file) => {
    expect(filesOf(name, machine('linux', '/home/ann', variables), 'user')).toContain(file);
  });
});

describe('what is written', () => {
  test('a home elsewhere is told to every server, and to every hook where env(1) is', () => {
    const moved = machine('linux', '/home/ann', { IPC_HOME: '/srv/ipc' });
    const text = JSON.stringify(hosts.gemini.plan(wishOf(moved, 'user')).targets);
    expect(text).toContain('{"command":"/opt/ipc","args":["mcp"],"env":{"IPC_HOME":"/srv/ipc"}}');
    expect(text).toContain('"/usr/bin/env IPC_HOME=/srv/ipc /opt/ipc hook"');
    expect(JSON.stringify(hosts.gemini.plan(wishOf(moved, 'project')).targets)).not.toContain('/srv/ipc');
  });

  test('a path with blanks is one word of the hook’s shell (R9)', () => {
    const wish = { ...wishOf(machines.linux, 'user'), program: { command: '/opt/my tools/ipc', args: [] } };
    expect(JSON.stringify(hosts.codex.plan(wish).targets)).toContain(`"'/opt/my tools/ipc' hook"`);
    const windows = {
      ...wishOf(machines.win32, 'user'),
      program: { command: 'C:\\Program Files\\ipc.exe', args: [] },
    };
    const [, hooks] = hosts.codex.plan(windows).targets;
    expect(JSON.stringify(hooks)).toContain(String.raw`\"C:/Program Files/ipc.exe\" hook`);
  });

  test('Gemini CLI counts in milliseconds, the others in seconds', () => {
    const plan = (name: HostName): string => JSON.stringify(hosts[name].plan(wishOf(machines.linux, 'user')));
    expect(plan('gemini')).toContain('"timeout":10000');
    expect(plan('codex')).toContain('"timeout":10}');
  });

  test.each<[HostName, number]>([
    ['claude-code', 6],
    ['claude-desktop', 0],
    ['codex', 5],
    ['cursor', 5],
    ['gemini', 5],
    ['vscode', 4],
  ])(
    'a name given goes to the server of %s and its %d hooks; a monitor is told by its session',
    (name, hooks) => {
      const { targets } = hosts[name].plan({ ...wishOf(machines.linux, 'user'), as: 'reviewer' });
      const text = JSON.stringify(targets);
      expect(text.match(/--as/g)?.length).toBe(1 + hooks);
      expect(text.match(/reviewer/g)?.length).toBe(1 + hooks);
      expect(text).not.toContain('line --as');
    },
  );
});

test('clients are known by what people call them, and a slip of the fingers is named', () => {
  expect(['claude', 'Code', 'gemini-cli', 'CODEX'].map((word) => hostNamed(word).name)).toEqual([
    'claude-code',
    'vscode',
    'gemini',
    'codex',
  ]);
  expect(thrownBy(() => hostNamed('codx'))).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('did you mean codex?'),
  });
});

function machine(
  platform: NodeJS.Platform,
  userHome: string,
  variables: Readonly<Record<string, string>>,
): Environment {
  return { variables, directory: '/project', userHome, platform, pid: 1, parentPid: 1, uid: 1000 };
}

function wishOf(environment: Environment, scope: Scope): Wish {
  const program = { command: scope === 'project' ? 'ipc' : '/opt/ipc', args: [] };
  return { environment, paths: resolvePaths(environment), scope, as: undefined, server: [], program };
}

function filesOf(name: HostName, environment: Environment, scope: Scope): readonly string[] {
  const { targets } = hosts[name].plan(wishOf(environment, scope));
  return targets.filter(({ format }) => format !== 'own').map(({ file }) => file);
}
