/** What a person may ask of `ipc setup`, and what it must never do (R9), on the compiled binary. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BINARY } from './machine.ts';
import { alone, clientsIn, openUser, type SettledUser } from './setup-user.ts';

let ann: SettledUser;

beforeEach(async () => {
  ann = await openUser();
});
afterEach(async () => {
  await ann[Symbol.asyncDispose]();
});

describe('R9: a set-up that erases nothing', () => {
  test('the user’s own SessionStart hooks run on, before ours', async () => {
    ann.fill();
    await ann.setup();
    const { hooks } = JSON.parse(ann.read('.codex/hooks.json')) as {
      hooks: { Stop: { hooks: { command: string }[] }[] };
    };
    expect(hooks.Stop.map(({ hooks: [first] }) => first?.command)).toEqual([
      'say done',
      expect.stringContaining('ipc hook'),
    ]);
    expect(ann.read('.claude/settings.json')).toContain('"command": "echo mine"');
    expect(ann.read('.gemini/settings.json')).toContain(
      '{ "type": "command", "command": "echo hi" }] }, // mine',
    );
  });

  test('a settings.json with a comment keeps it, and the person is told that Claude Code ignores it', async () => {
    ann.write('.claude/settings.json', '{\n  // mine\n  "model": "opus"\n}\n');
    const done = await ann.setup('claude-code');
    expect(ann.read('.claude/settings.json')).toStartWith('{\n  // mine\n  "model": "opus",\n');
    expect(done.stdout).toContain('has comments or trailing commas, and its program ignores the whole file');
  });

  test('one with a syntax error is refused and untouched', async () => {
    ann.write('.claude/settings.json', '{ "model": "opus", "hooks": { ');
    const done = await ann.setup('claude-code');
    expect(done.code).toBe(65);
    expect(ann.read('.claude/settings.json')).toBe('{ "model": "opus", "hooks": { ');
    expect(existsSync(join(ann.user, '.claude.json'))).toBe(false);
  });
});

describe('what is asked for', () => {
  test('--dry-run shows the lines and writes nothing', async () => {
    ann.fill();
    const before = ann.tree();
    const done = await ann.setup('--dry-run');
    expect(done.code).toBe(0);
    expect(ann.tree()).toEqual(before);
    expect(existsSync(ann.machine.home)).toBe(false);
    expect(done.stdout).toContain('Codex would be set up');
    expect(done.stdout).toContain('    + [mcp_servers.ipc]\n');
    expect(done.stdout).toContain('    -   "theme": "One Dark" // t\n    +   "theme": "One Dark", // t\n');
  });

  test('--as goes into the server’s command, and another name replaces it', async () => {
    await ann.setup('cursor', '--as', 'reviewer');
    expect(ann.read('.cursor/mcp.json')).toContain('"--as",\n        "reviewer"');
    await ann.setup('cursor', '--as', 'tester');
    expect(ann.read('.cursor/mcp.json')).toContain('"tester"');
    expect(ann.read('.cursor/mcp.json')).not.toContain('reviewer');
    await ann.unsetup();
    expect(ann.tree()).toEqual({});
  });

  test('--toolsets and --allow-run go into the server’s command; a set there is none of writes nothing', async () => {
    expect((await ann.setup('cursor', '--toolsets', 'kernels')).code).toBe(64);
    expect(existsSync(join(ann.user, '.cursor/mcp.json'))).toBe(false);
    await ann.setup('cursor', '--toolsets', 'messages,kernel', '--allow-run');
    const { mcpServers } = JSON.parse(ann.read('.cursor/mcp.json')) as {
      mcpServers: { ipc: { args: string[] } };
    };
    expect(mcpServers.ipc.args).toEqual(['mcp', '--toolsets', 'messages,kernel', '--allow-run']);
    await ann.unsetup('cursor');
    expect(existsSync(join(ann.user, '.cursor/mcp.json'))).toBe(false);
  });

  test('after the binary moved a second run mends the path, and unsetup still goes back all the way', async () => {
    ann.fill();
    const before = ann.tree();
    await ann.setup();
    const moved = join(ann.user, 'bin/ipc');
    mkdirSync(dirname(moved));
    symlinkSync(BINARY, moved);
    expect(ann.read('.cursor/mcp.json')).toContain(JSON.stringify(BINARY));
    // Of the paths to this binary the one that a shell would find is written: it outlives an update.
    const done = await ann.machine.run(['setup', '--json'], {
      env: { PATH: `${dirname(moved)}:${alone.PATH}` },
    });
    expect(clientsIn(done).every(([, state]) => state === 'written')).toBe(true);
    expect(ann.read('.cursor/mcp.json')).toContain(JSON.stringify(moved));
    expect(ann.read('.cursor/mcp.json')).not.toContain(JSON.stringify(BINARY));
    await ann.unsetup();
    const { 'bin/ipc': _link, ...rest } = ann.tree();
    expect(rest).toEqual(before);
  });

  test('--scope project writes this folder’s files, for every machine, and takes only those away', async () => {
    await ann.setup('claude-code', 'codex', 'gemini', 'cursor', 'vscode');
    const before = ann.tree();
    const done = await ann.setup('--scope', 'project', 'claude-code', 'codex', 'gemini', 'cursor', 'vscode');
    expect(done.code).toBe(0);
    const files = ann.tree(ann.machine.directory);
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
    expect(Object.values(files).join('')).not.toContain(dirname(ann.machine.home));
    expect(files['.mcp.json']).toContain('"command": "ipc"');
    expect((await ann.unsetup('--dry-run')).stderr).toContain(
      `projects keep theirs; ipc unsetup --scope project in: ${ann.machine.directory}`,
    );
    await ann.unsetup('--scope', 'project');
    expect(ann.tree(ann.machine.directory)).toEqual({});
    expect(ann.tree()).toEqual(before);
  });

  test('a client whose file is not there yet gets its entry shown with the place it belongs to', async () => {
    const done = await ann.setup('zed', 'windsurf', 'opencode');
    expect(done.code).toBe(0);
    expect(done.stdout).toContain(
      `put into ${join(ann.user, '.config/zed/settings.json')}:\n  {\n    "context_servers"`,
    );
    expect(ann.tree()).toEqual({});
  });

  test('where no client is, and for a name that is none, it says so', async () => {
    expect(await ann.setup()).toMatchObject({ code: 66, stdout: '' });
    const wrong = await ann.setup('codx');
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toContain('did you mean codex?');
  });
});
