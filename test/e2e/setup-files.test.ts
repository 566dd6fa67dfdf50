/** `ipc setup` and `ipc unsetup` on the compiled binary, over settings as people have them. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { BINARY, type Machine, openMachine, type Result } from './machine.ts';

let machine: Machine;
let user: string;

beforeEach(async () => {
  machine = await openMachine();
  user = join(dirname(machine.home), 'user');
  mkdirSync(user);
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Nothing of the machine that runs the tests: no program of theirs on the PATH. */
const alone = { PATH: '/usr/bin:/bin' };

/** Each as somebody keeps it. */
const settings: Readonly<Record<string, string>> = {
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
const clients = [
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

describe('there and back', () => {
  test('nine clients with settings of their own are set up, and byte for byte as before afterwards', async () => {
    fill();
    const before = tree();
    const done = await setup();
    expect(done.code).toBe(0);
    expect(clientsIn(await setup('--json'))).toEqual(clients.map((client) => [client, 'same']));
    for (const path of Object.keys(settings)) expect([path, read(path)]).not.toEqual([path, settings[path]]);
    expect((await unsetup()).code).toBe(0);
    expect(tree()).toEqual(before);
    expect(existsSync(join(machine.home, 'claude-code'))).toBe(false);
    expect((await unsetup()).stdout).toBe('ipc setup has written nothing that is still there\n');
  });

  test('settings that were not there are gone again, and the folders made for them', async () => {
    mkdirSync(join(user, '.codex'));
    await setup('codex', 'vscode', 'claude-code');
    expect(read('.copilot/hooks/ipc.json')).toContain('"SessionStart"');
    await unsetup();
    expect(tree()).toEqual({});
    expect(readdirSync(user)).toEqual(['.codex']);
  });

  test('what a person added since stays when ours goes, whatever program wrote it', async () => {
    fill();
    await setup();
    const state = JSON.parse(read('.claude.json')) as Record<string, unknown>;
    write('.claude.json', JSON.stringify({ ...state, numStartups: 4 }, undefined, 2));
    write('.codex/config.toml', `${read('.codex/config.toml')}\n[tui]\nnotifications = true\n`);
    write('.gemini/settings.json', read('.gemini/settings.json').replace('GitHub', 'Ayu'));
    expect((await unsetup()).code).toBe(0);
    expect(read('.claude.json')).toBe(
      '{\n  "numStartups": 4,\n  "mcpServers": {\n    "github": {\n      "command": "gh-mcp"\n    }\n  }\n}',
    );
    expect(read('.codex/config.toml')).toBe(
      `${settings['.codex/config.toml']}\n[tui]\nnotifications = true\n`,
    );
    expect(read('.gemini/settings.json')).toBe(
      settings['.gemini/settings.json']?.replace('GitHub', 'Ayu') ?? '',
    );
  });

  test('an entry of ours that a person changed stays, and is named', async () => {
    write('.cursor/mcp.json', '{\n  "mcpServers": {}\n}\n');
    await setup('cursor', '--json');
    write('.cursor/mcp.json', read('.cursor/mcp.json').replace('"mcp"', '"mcp", "--allow-run"'));
    const done = await unsetup('cursor');
    expect(done.stdout).toContain(
      `mcpServers.ipc in ${join(user, '.cursor/mcp.json')} was changed since ipc setup wrote it, and stays`,
    );
    expect(read('.cursor/mcp.json')).toContain('--allow-run');
    expect(existsSync(join(user, '.cursor/hooks.json'))).toBe(false);
  });
});

describe('files as they lie', () => {
  test('a symbolic link stays one, and the file behind it keeps its mode', async () => {
    const real = join(user, 'dotfiles/gemini.json');
    write('dotfiles/gemini.json', '{\n  "a": 1\n}\n');
    chmodSync(real, 0o640);
    mkdirSync(join(user, '.gemini'));
    symlinkSync('../dotfiles/gemini.json', join(user, '.gemini/settings.json'));
    await setup('gemini');
    expect(lstatSync(join(user, '.gemini/settings.json')).isSymbolicLink()).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readFileSync(real, 'utf8')).toContain('"ipc"');
    await unsetup();
    expect(readFileSync(real, 'utf8')).toBe('{\n  "a": 1\n}\n');
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(user, '.gemini'))).toEqual(['settings.json']);
  });

  test('what a file was before is in the home, for nobody else to read', async () => {
    write('.gemini/settings.json', '{ "key": "secret" }');
    await setup('gemini');
    const folder = join(machine.home, 'setup');
    const kept = readdirSync(folder).filter((name) => name !== 'written.json');
    expect(kept.map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual(['{ "key": "secret" }']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    expect(readdirSync(join(user, '.gemini'))).toEqual(['settings.json']);
  });

  test('a broken file is named with line and column, left alone, and stops no other client', async () => {
    write('.gemini/settings.json', '{\n  "a": 1\n  "b": 2\n}\n');
    write('.codex/config.toml', 'model = = 1\n');
    write('.cursor/mcp.json', '{}');
    const before = tree();
    const done = await setup('codex', 'gemini', 'cursor');
    expect(done.code).toBe(65);
    expect(done.stdout).toContain(`settings.json; found CommaExpected in line 3, column 3`);
    expect(done.stdout).toMatch(/config\.toml; found .* in line 1, column/);
    expect(done.stdout).toContain('Cursor is set up');
    expect(tree()).toMatchObject({
      '.gemini/settings.json': before['.gemini/settings.json'],
      '.codex/config.toml': before['.codex/config.toml'],
    });
    // Of a client that could not be set up nothing was begun.
    expect(existsSync(join(user, '.codex/hooks.json'))).toBe(false);
  });

  test('a read-only file is refused, and nothing of its client is half done', async () => {
    write('.codex/config.toml', 'model = "x"\n');
    write('.codex/hooks.json', '{}');
    chmodSync(join(user, '.codex/hooks.json'), 0o444);
    const done = await setup('codex');
    expect(done.code).toBe(73);
    expect(done.stdout).toContain(`${join(user, '.codex/hooks.json')}; it is read-only (mode 444)`);
    expect(read('.codex/config.toml')).toBe('model = "x"\n');
    expect(read('.codex/hooks.json')).toBe('{}');
  });

  test('an entry named ipc that somebody else wrote is neither replaced nor, later, removed', async () => {
    write('.cursor/mcp.json', '{"mcpServers":{"ipc":{"command":"other-ipc"}}}');
    const done = await setup('cursor');
    expect(done.code).toBe(65);
    expect(done.stdout).toContain(
      'an entry mcpServers.ipc that ipc setup did not write: {"command":"other-ipc"}',
    );
    await unsetup('cursor');
    expect(read('.cursor/mcp.json')).toBe('{"mcpServers":{"ipc":{"command":"other-ipc"}}}');
    expect(existsSync(join(user, '.cursor/hooks.json'))).toBe(false);
  });

  test('the very entry we would write, written by somebody else, is theirs', async () => {
    const text = JSON.stringify({
      mcpServers: { ipc: { command: BINARY, args: ['mcp'], env: { IPC_HOME: machine.home } } },
    });
    write('.codeium/windsurf/mcp_config.json', text);
    expect(clientsIn(await setup('windsurf', '--json'))).toEqual([['windsurf', 'same']]);
    await unsetup('windsurf');
    expect(read('.codeium/windsurf/mcp_config.json')).toBe(text);
  });
});

describe('R9: a set-up that erases nothing', () => {
  test('the user’s own SessionStart hooks run on, before ours', async () => {
    fill();
    await setup();
    const { hooks } = JSON.parse(read('.codex/hooks.json')) as {
      hooks: { Stop: { hooks: { command: string }[] }[] };
    };
    expect(hooks.Stop.map(({ hooks: [first] }) => first?.command)).toEqual([
      'say done',
      expect.stringContaining('ipc hook'),
    ]);
    expect(read('.claude/settings.json')).toContain('"command": "echo mine"');
    expect(read('.gemini/settings.json')).toContain(
      '{ "type": "command", "command": "echo hi" }] }, // mine',
    );
  });

  test('a settings.json with a comment keeps it, and the person is told that Claude Code ignores it', async () => {
    write('.claude/settings.json', '{\n  // mine\n  "model": "opus"\n}\n');
    const done = await setup('claude-code');
    expect(read('.claude/settings.json')).toStartWith('{\n  // mine\n  "model": "opus",\n');
    expect(done.stdout).toContain('has comments or trailing commas, and its program ignores the whole file');
  });

  test('one with a syntax error is refused and untouched', async () => {
    write('.claude/settings.json', '{ "model": "opus", "hooks": { ');
    const done = await setup('claude-code');
    expect(done.code).toBe(65);
    expect(read('.claude/settings.json')).toBe('{ "model": "opus", "hooks": { ');
    expect(existsSync(join(user, '.claude.json'))).toBe(false);
  });
});

describe('what is asked for', () => {
  test('--dry-run shows the lines and writes nothing', async () => {
    fill();
    const before = tree();
    const done = await setup('--dry-run');
    expect(done.code).toBe(0);
    expect(tree()).toEqual(before);
    expect(existsSync(machine.home)).toBe(false);
    expect(done.stdout).toContain('Codex would be set up');
    expect(done.stdout).toContain('    + [mcp_servers.ipc]\n');
    expect(done.stdout).toContain('    -   "theme": "One Dark" // t\n    +   "theme": "One Dark", // t\n');
  });

  test('--as goes into the server’s command, and another name replaces it', async () => {
    await setup('cursor', '--as', 'reviewer');
    expect(read('.cursor/mcp.json')).toContain('"--as",\n        "reviewer"');
    await setup('cursor', '--as', 'tester');
    expect(read('.cursor/mcp.json')).toContain('"tester"');
    expect(read('.cursor/mcp.json')).not.toContain('reviewer');
    await unsetup();
    expect(tree()).toEqual({});
  });

  test('after the binary moved a second run mends the path, and unsetup still goes back all the way', async () => {
    fill();
    const before = tree();
    await setup();
    const moved = join(user, 'bin/ipc');
    mkdirSync(dirname(moved));
    symlinkSync(BINARY, moved);
    expect(read('.cursor/mcp.json')).toContain(JSON.stringify(BINARY));
    // Of the paths to this binary the one that a shell would find is written: it outlives an update.
    const done = await machine.run(['setup', '--json'], { env: { PATH: `${dirname(moved)}:${alone.PATH}` } });
    expect(clientsIn(done).every(([, state]) => state === 'written')).toBe(true);
    expect(read('.cursor/mcp.json')).toContain(JSON.stringify(moved));
    expect(read('.cursor/mcp.json')).not.toContain(JSON.stringify(BINARY));
    await unsetup();
    const { 'bin/ipc': _link, ...rest } = tree();
    expect(rest).toEqual(before);
  });

  test('--scope project writes this folder’s files, for every machine, and takes only those away', async () => {
    await setup('claude-code', 'codex', 'gemini', 'cursor', 'vscode');
    const before = tree();
    const done = await setup('--scope', 'project', 'claude-code', 'codex', 'gemini', 'cursor', 'vscode');
    expect(done.code).toBe(0);
    const files = tree(machine.directory);
    expect(Object.keys(files).toSorted()).toEqual([
      '.claude/settings.json',
      '.codex/config.toml',
      '.codex/hooks.json',
      '.cursor/hooks.json',
      '.cursor/mcp.json',
      '.gemini/settings.json',
      '.github/hooks/ipc.json',
      '.mcp.json',
      '.vscode/mcp.json',
    ]);
    // Another machine has another path and another home.
    expect(Object.values(files).join('')).not.toContain(dirname(machine.home));
    expect(files['.mcp.json']).toContain('"command": "ipc"');
    await unsetup('--scope', 'project');
    expect(tree(machine.directory)).toEqual({});
    expect(tree()).toEqual(before);
  });

  test('a client whose file is not there yet gets its entry shown with the place it belongs to', async () => {
    const done = await setup('zed', 'windsurf', 'opencode');
    expect(done.code).toBe(0);
    expect(done.stdout).toContain(
      `put into ${join(user, '.config/zed/settings.json')}:\n  {\n    "context_servers"`,
    );
    expect(tree()).toEqual({});
  });

  test('where no client is, and for a name that is none, it says so', async () => {
    expect(await setup()).toMatchObject({ code: 66, stdout: '' });
    const wrong = await setup('codx');
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toContain('did you mean codex?');
  });
});

function fill(): void {
  for (const [path, text] of Object.entries(settings)) write(path, text);
}

function setup(...args: readonly string[]): Promise<Result> {
  return machine.run(['setup', ...args], { env: alone });
}

function unsetup(...args: readonly string[]): Promise<Result> {
  return machine.run(['unsetup', ...args], { env: alone });
}

function clientsIn({ stdout }: Result): [string, string][] {
  const { clients: all } = JSON.parse(stdout) as { clients: { client: string; done: string }[] };
  return all.map(({ client, done }) => [client, done]);
}

function read(path: string): string {
  return readFileSync(join(user, path), 'utf8');
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(user, path)), { recursive: true });
  writeFileSync(join(user, path), text);
}

/** Every file with its bytes as text. */
function tree(root = user): Record<string, string> {
  const files = [...new Bun.Glob('**/*').scanSync({ cwd: root, dot: true })].toSorted();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}
