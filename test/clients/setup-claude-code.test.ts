/** What `ipc setup` wrote, read by the real Claude Code. Offline; skipped, and said so, where npm has it not. */
import { afterEach, beforeEach, expect } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, type Machine, openMachine } from '../e2e/machine.ts';
import { realProgram } from './installed.ts';
import { said } from './offline.ts';

const claude = await realProgram('claude');
const LONG = 120_000;

let machine: Machine;
let user: string;

beforeEach(async () => {
  machine = await openMachine();
  user = machine.userHome;
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
      const verdict = await said(machine, [claude.command, 'plugin', 'validate', '--strict', folder]);
      expect(verdict).toContain('Validation passed');
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
    const listed = await said(machine, [claude.command, 'mcp', 'list']);
    expect(listed).toContain(`ipc: ${BINARY} mcp - ✔ Connected`);
    const log = join(user, 'debug.txt');
    await said(machine, [claude.command, '--debug-file', log, '-p', '/get status', '--max-turns', '1']);
    const debug = readFileSync(log, 'utf8');
    expect(debug).toContain(
      `Read hooks.json for plugin ipc (enabled=true): ${machine.home}/claude-code/ipc/hooks/hooks.json`,
    );
    expect(debug).toMatch(/Loaded 1 skills from plugin ipc/);
    const plugins = await said(machine, [claude.command, 'plugin', 'list']);
    expect(plugins).toContain(`Read from: ${machine.home}/claude-code/ipc`);
    expect(plugins).toContain('✔ enabled');
    // Not rewritten by it: what undoing needs.
    const undone = await machine.ok(['unsetup', 'claude-code']);
    expect(readFileSync(join(user, '.claude/settings.json'), 'utf8')).toBe('{\n    "model": "opus"\n}\n');
    expect(undone).toContain('claude plugin marketplace remove ipc');
    expect(await said(machine, [claude.command, 'mcp', 'list'])).not.toContain(BINARY);
  },
  LONG,
);
