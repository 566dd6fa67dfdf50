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
} from 'node:fs';
import { join } from 'node:path';
import { BINARY } from './machine.ts';
import { clients, clientsIn, openUser, type SettledUser, settings } from './setup-user.ts';

let ann: SettledUser;

beforeEach(async () => {
  ann = await openUser();
});
afterEach(async () => {
  await ann[Symbol.asyncDispose]();
});

describe('there and back', () => {
  test('nine clients with settings of their own are set up, and byte for byte as before afterwards', async () => {
    ann.fill();
    const before = ann.tree();
    const done = await ann.setup();
    expect(done.code).toBe(0);
    expect(clientsIn(await ann.setup('--json'))).toEqual(clients.map((client) => [client, 'same']));
    for (const path of Object.keys(settings))
      expect([path, ann.read(path)]).not.toEqual([path, settings[path]]);
    expect((await ann.unsetup()).code).toBe(0);
    expect(ann.tree()).toEqual(before);
    expect(existsSync(join(ann.machine.home, 'claude-code'))).toBe(false);
    expect((await ann.unsetup()).stdout).toBe('ipc setup has written nothing that is still there\n');
  });

  test('settings that were not there are gone again, and the folders made for them', async () => {
    mkdirSync(join(ann.user, '.codex'));
    await ann.setup('codex', 'vscode', 'claude-code');
    expect(ann.read('.copilot/hooks/ipc.json')).toContain('"SessionStart"');
    await ann.unsetup();
    expect(ann.tree()).toEqual({});
    expect(readdirSync(ann.user)).toEqual(['.codex']);
  });

  test('what a person added since stays when ours goes, whatever program wrote it', async () => {
    ann.fill();
    await ann.setup();
    const state = JSON.parse(ann.read('.claude.json')) as Record<string, unknown>;
    ann.write('.claude.json', JSON.stringify({ ...state, numStartups: 4 }, undefined, 2));
    ann.write('.codex/config.toml', `${ann.read('.codex/config.toml')}\n[tui]\nnotifications = true\n`);
    ann.write('.gemini/settings.json', ann.read('.gemini/settings.json').replace('GitHub', 'Ayu'));
    expect((await ann.unsetup()).code).toBe(0);
    expect(ann.read('.claude.json')).toBe(
      '{\n  "numStartups": 4,\n  "mcpServers": {\n    "github": {\n      "command": "gh-mcp"\n    }\n  }\n}',
    );
    expect(ann.read('.codex/config.toml')).toBe(
      `${settings['.codex/config.toml']}\n[tui]\nnotifications = true\n`,
    );
    expect(ann.read('.gemini/settings.json')).toBe(
      settings['.gemini/settings.json']?.replace('GitHub', 'Ayu') ?? '',
    );
  });

  test('an entry of ours that a person changed stays, and is named', async () => {
    ann.write('.cursor/mcp.json', '{\n  "mcpServers": {}\n}\n');
    await ann.setup('cursor', '--json');
    ann.write('.cursor/mcp.json', ann.read('.cursor/mcp.json').replace('"mcp"', '"mcp", "--allow-run"'));
    const done = await ann.unsetup('cursor');
    expect(done.stdout).toContain(
      `mcpServers.ipc in ${join(ann.user, '.cursor/mcp.json')} was changed since ipc setup wrote it, and stays`,
    );
    expect(ann.read('.cursor/mcp.json')).toContain('--allow-run');
    expect(existsSync(join(ann.user, '.cursor/hooks.json'))).toBe(false);
  });
});

describe('files as they lie', () => {
  test('a symbolic link stays one, and the file behind it keeps its mode', async () => {
    const real = join(ann.user, 'dotfiles/gemini.json');
    ann.write('dotfiles/gemini.json', '{\n  "a": 1\n}\n');
    chmodSync(real, 0o640);
    mkdirSync(join(ann.user, '.gemini'));
    symlinkSync('../dotfiles/gemini.json', join(ann.user, '.gemini/settings.json'));
    await ann.setup('gemini');
    expect(lstatSync(join(ann.user, '.gemini/settings.json')).isSymbolicLink()).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readFileSync(real, 'utf8')).toContain('"ipc"');
    await ann.unsetup();
    expect(readFileSync(real, 'utf8')).toBe('{\n  "a": 1\n}\n');
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(ann.user, '.gemini'))).toEqual(['settings.json']);
  });

  test('what a file was before is in the home, for nobody else to read', async () => {
    ann.write('.gemini/settings.json', '{ "key": "secret" }');
    await ann.setup('gemini');
    const folder = join(ann.machine.home, 'setup');
    const kept = readdirSync(folder).filter((name) => name !== 'written.json');
    expect(kept.map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual(['{ "key": "secret" }']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    expect(readdirSync(join(ann.user, '.gemini'))).toEqual(['settings.json']);
  });

  test('a broken file is named with line and column, left alone, and stops no other client', async () => {
    ann.write('.gemini/settings.json', '{\n  "a": 1\n  "b": 2\n}\n');
    ann.write('.codex/config.toml', 'model = = 1\n');
    ann.write('.cursor/mcp.json', '{}');
    const before = ann.tree();
    const done = await ann.setup('codex', 'gemini', 'cursor');
    expect(done.code).toBe(65);
    expect(done.stdout).toContain(`settings.json; found CommaExpected in line 3, column 3`);
    expect(done.stdout).toMatch(/config\.toml; found .* in line 1, column/);
    expect(done.stdout).toContain('Cursor is set up');
    expect(ann.tree()).toMatchObject({
      '.gemini/settings.json': before['.gemini/settings.json'],
      '.codex/config.toml': before['.codex/config.toml'],
    });
    // Of a client that could not be set up nothing was begun.
    expect(existsSync(join(ann.user, '.codex/hooks.json'))).toBe(false);
  });

  test('a read-only file is refused, and nothing of its client is half done', async () => {
    ann.write('.codex/config.toml', 'model = "x"\n');
    ann.write('.codex/hooks.json', '{}');
    chmodSync(join(ann.user, '.codex/hooks.json'), 0o444);
    const done = await ann.setup('codex');
    expect(done.code).toBe(73);
    expect(done.stdout).toContain(`${join(ann.user, '.codex/hooks.json')}; it is read-only (mode 444)`);
    expect(ann.read('.codex/config.toml')).toBe('model = "x"\n');
    expect(ann.read('.codex/hooks.json')).toBe('{}');
  });

  test('a pipe or a folder where settings should be is refused, and nobody waits for it', async () => {
    mkdirSync(join(ann.user, '.gemini/settings.json'), { recursive: true });
    expect((await ann.setup('gemini')).stdout).toContain('it is a folder');
    mkdirSync(join(ann.user, '.cursor'), { recursive: true });
    Bun.spawnSync(['mkfifo', join(ann.user, '.cursor/mcp.json')]);
    const done = await ann.setup('cursor');
    expect(done.code).toBe(73);
    expect(done.stdout).toContain('it is not a plain file');
  });

  test('a write that fails half way takes back what was written before it', async () => {
    ann.write('.config/Code/User/mcp.json', '{ "servers": {} }');
    ann.write('.copilot', 'a file where a folder should be');
    const before = ann.tree();
    const done = await ann.setup('vscode', 'cursor');
    expect(done.code).toBe(73);
    expect(done.stdout).toContain('VS Code is not set up');
    expect(done.stdout).toContain('Cursor is set up');
    await ann.unsetup('cursor');
    expect(ann.tree()).toEqual(before);
    expect((await ann.unsetup('vscode')).stdout).toContain('has nothing of ours');
  });

  test('two at once both remember what they wrote', async () => {
    ann.fill();
    const before = ann.tree();
    await Promise.all(clients.map((client) => ann.setup(client)));
    expect(clientsIn(await ann.setup('--json'))).toEqual(clients.map((client) => [client, 'same']));
    await ann.unsetup();
    expect(ann.tree()).toEqual(before);
  });

  test('an entry named ipc that somebody else wrote is neither replaced nor, later, removed', async () => {
    ann.write('.cursor/mcp.json', '{"mcpServers":{"ipc":{"command":"other-ipc"}}}');
    const done = await ann.setup('cursor');
    expect(done.code).toBe(65);
    expect(done.stdout).toContain(
      'an entry mcpServers.ipc that ipc setup did not write: {"command":"other-ipc"}',
    );
    await ann.unsetup('cursor');
    expect(ann.read('.cursor/mcp.json')).toBe('{"mcpServers":{"ipc":{"command":"other-ipc"}}}');
    expect(existsSync(join(ann.user, '.cursor/hooks.json'))).toBe(false);
  });

  test('the very entry we would write, written by somebody else, is theirs', async () => {
    const text = JSON.stringify({
      mcpServers: { ipc: { command: BINARY, args: ['mcp'], env: { IPC_HOME: ann.machine.home } } },
    });
    ann.write('.codeium/windsurf/mcp_config.json', text);
    expect(clientsIn(await ann.setup('windsurf', '--json'))).toEqual([['windsurf', 'same']]);
    await ann.unsetup('windsurf');
    expect(ann.read('.codeium/windsurf/mcp_config.json')).toBe(text);
  });
});
