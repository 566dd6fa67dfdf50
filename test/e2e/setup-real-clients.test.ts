/**
 * What `ipc setup` wrote, read by the programs it was written for. They run offline; where one cannot be
 * had from npm, its tests are skipped and say so.
 */
import { afterEach, beforeEach, expect } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { realProgram } from '../clients/installed.ts';
import { BINARY, type Machine, openMachine } from './machine.ts';

const claude = await realProgram('claude');
const codex = await realProgram('codex');
const gemini = await realProgram('gemini');

const LONG = 120_000;

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

claude.realTest(
  'Claude Code: validate --strict passes the marketplace and the plugin',
  async () => {
    await machine.ok(['setup', 'claude-code']);
    const market = join(machine.home, 'claude-code');
    for (const folder of [market, join(market, 'ipc')]) {
      const said = await program([claude.command, 'plugin', 'validate', '--strict', folder]);
      expect(said).toContain('Validation passed');
    }
  },
  LONG,
);

claude.realTest(
  'Claude Code: connects to the server, and reads hooks, monitor and skill where they lie',
  async () => {
    mkdirSync(join(user, '.claude'));
    writeFileSync(join(user, '.claude/settings.json'), '{\n    "model": "opus"\n}\n');
    await machine.ok(['setup', 'claude-code']);
    const listed = await program([claude.command, 'mcp', 'list']);
    expect(listed).toContain(`ipc: ${BINARY} mcp - ✔ Connected`);
    const log = join(user, 'debug.txt');
    await program([claude.command, '--debug-file', log, '-p', '/get status', '--max-turns', '1']);
    const debug = readFileSync(log, 'utf8');
    expect(debug).toContain(
      `Read hooks.json for plugin ipc (enabled=true): ${machine.home}/claude-code/ipc/hooks/hooks.json`,
    );
    expect(debug).toMatch(/Loaded 1 skills from plugin ipc/);
    const plugins = await program([claude.command, 'plugin', 'list']);
    expect(plugins).toContain(`Read from: ${machine.home}/claude-code/ipc`);
    expect(plugins).toContain('✔ enabled');
    // Not rewritten by it: what undoing needs.
    const undone = await machine.ok(['unsetup', 'claude-code']);
    expect(readFileSync(join(user, '.claude/settings.json'), 'utf8')).toBe('{\n    "model": "opus"\n}\n');
    expect(undone).toContain('claude plugin marketplace remove ipc');
    expect(await program([claude.command, 'mcp', 'list'])).not.toContain(BINARY);
  },
  LONG,
);

codex.realTest(
  'Codex: lists the server, and knows each hook as one to be approved',
  async () => {
    mkdirSync(join(user, '.codex'));
    writeFileSync(join(user, '.codex/config.toml'), '# mine\nmodel = "gpt-5"\n');
    await machine.ok(['setup', 'codex']);
    expect(await program([codex.command, 'mcp', 'get', 'ipc'])).toContain(`command: ${BINARY}`);
    const hooks = await codexHooks();
    expect(hooks.map(({ eventName }) => eventName).toSorted()).toEqual([
      'postToolUse',
      'sessionEnd',
      'sessionStart',
      'stop',
      'userPromptSubmit',
    ]);
    for (const { command, trustStatus } of hooks) {
      expect(command).toEndWith(`${BINARY} hook`);
      expect(trustStatus).toBe('untrusted');
    }
    await machine.ok(['unsetup', 'codex']);
    expect(readFileSync(join(user, '.codex/config.toml'), 'utf8')).toBe('# mine\nmodel = "gpt-5"\n');
  },
  LONG,
);

gemini.realTest(
  'Gemini CLI: connects to the server in a folder that it trusts',
  async () => {
    mkdirSync(join(user, '.gemini'));
    writeFileSync(join(user, '.gemini/settings.json'), '{\n  // mine\n  "ui": { "theme": "GitHub" }\n}\n');
    await machine.ok(['setup', 'gemini']);
    const trusted = { [machine.directory]: 'TRUST_FOLDER' };
    writeFileSync(join(user, '.gemini/trustedFolders.json'), JSON.stringify(trusted));
    expect(await program([gemini.command, 'mcp', 'list'])).toMatch(/ipc: .* - Connected/);
  },
  LONG,
);

interface CodexHook {
  readonly eventName: string;
  readonly command: string;
  readonly trustStatus: string;
}

/** As its /hooks asks. */
async function codexHooks(): Promise<readonly CodexHook[]> {
  const server = Bun.spawn([codex.command, 'app-server'], {
    cwd: machine.directory,
    env: environment(),
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const asked = [
    { id: 1, method: 'initialize', params: { clientInfo: { name: 'test', version: '1' } } },
    { method: 'initialized' },
    { id: 2, method: 'hooks/list', params: { cwds: [machine.directory] } },
  ];
  for (const each of asked) await server.stdin.write(`${JSON.stringify(each)}\n`);
  await server.stdin.flush();
  try {
    let text = '';
    for await (const chunk of server.stdout) {
      text += new TextDecoder().decode(chunk);
      const answer = text.split('\n').find((line) => line.startsWith('{"id":2') && line.endsWith('}'));
      if (answer === undefined) continue;
      const { result } = JSON.parse(answer) as { result: { data: { hooks: CodexHook[] }[] } };
      return result.data.flatMap(({ hooks }) => hooks);
    }
  } finally {
    server.kill();
    await server.exited;
  }
  throw new Error('codex app-server ended without an answer');
}

/** What it says, on both streams, whatever it ends with. */
async function program(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: machine.directory,
    env: environment(),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return stdout + stderr;
}

function environment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: user,
    IPC_HOME: machine.home,
    // Nobody there: no model is asked.
    ANTHROPIC_API_KEY: 'none',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
    CLAUDE_CODE_MAX_RETRIES: '0',
    DISABLE_AUTOUPDATER: '1',
  };
}
