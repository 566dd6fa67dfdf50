/** `ipc doctor <client>` on the compiled binary: it starts what the client would start, and leaves nothing behind. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY, eventually, type Machine, openMachine } from './machine.ts';

interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly found: string;
  readonly run?: string;
}

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

const env = { PATH: '/usr/bin:/bin' };

test('a client as set up is well: files, home, server, and a message to itself that leaves nothing', async () => {
  await machine.ok(['setup', 'codex', 'claude-desktop'], { env });
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('ipc-probe-'));
  const findings = await doctor(0, 'codex', 'claude-desktop');
  for (const title of ['Codex', 'Claude Desktop']) {
    const own = findings.filter(({ what }) => what === title);
    expect(own.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(own.map(({ found }) => found).join('\n')).toContain(`${BINARY} mcp answers as ipc`);
    expect(own.map(({ found }) => found).join('\n')).toContain('a message to itself went and came');
    expect(own.map(({ found }) => found)).toContain(`uses this home, ${machine.home}`);
  }
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('ipc-probe-'))).toEqual(before);
  expect((await machine.json<{ agents: unknown[] }>(['who', '--all'])).agents).toEqual([]);
});

test('a name that set-up gave is no difference', async () => {
  await machine.ok(['setup', 'claude-code', 'codex', '--as', 'reviewer'], { env });
  const findings = await doctor(0, 'claude-code', 'codex');
  expect(findings.filter(({ found }) => found.includes('this ipc would write'))).toEqual([]);
});

test('doctor alone also looks at every client that was set up', async () => {
  await machine.ok(['setup', 'codex'], { env });
  const findings = await doctor(0);
  expect(findings.map(({ what }) => what)).toContain('daemon');
  expect(findings.map(({ what }) => what)).toContain('Codex');
  expect(findings.map(({ what }) => what)).not.toContain('Gemini CLI');
});

test('a client without ours is one finding, with the command that helps', async () => {
  mkdirSync(join(user, '.cursor'));
  expect(await doctor(1, 'cursor')).toEqual([
    { state: 'fail', what: 'Cursor', found: 'no entry of ours in its settings', run: 'ipc setup cursor' },
  ]);
});

test('a client that is not here is no failure', async () => {
  expect(await doctor(0, 'zed')).toMatchObject([{ state: 'warn', what: 'Zed' }]);
});

test.each<[string, (text: string) => string, string]>([
  ['a command that is gone', (text) => text.replace(BINARY, '/nowhere/ipc'), 'it does not start'],
  [
    'a command that is no server',
    (text) => text.replace(JSON.stringify(BINARY), '"false"'),
    'it ended with 1',
  ],
  [
    'a home of its own',
    (text) => text.replace(machine.home, `${machine.home}-2`),
    'they do not see each other',
  ],
  ['a broken file', (text) => text.replace('}', ''), 'in line'],
])('%s fails', async (_name, change, said) => {
  await machine.ok(['setup', 'cursor'], { env });
  const file = join(user, '.cursor/mcp.json');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  const failed = (await doctor(1, 'cursor')).filter(({ state }) => state === 'fail');
  expect(failed.map(({ found }) => found).join('\n')).toContain(said);
});

test('hooks that are not what this ipc writes are a warning', async () => {
  await machine.ok(['setup', 'cursor'], { env });
  writeFileSync(join(user, '.cursor/hooks.json'), '{"version":1,"hooks":{}}');
  const findings = await doctor(0, 'cursor');
  expect(findings).toContainEqual({
    state: 'warn',
    what: 'Cursor',
    found: `${join(user, '.cursor/hooks.json')} lacks what this ipc would write`,
    run: 'ipc setup cursor',
  });
});

test('a settings.json that Claude Code would ignore fails', async () => {
  await machine.ok(['setup', 'claude-code'], { env });
  const file = join(user, '.claude/settings.json');
  writeFileSync(file, `// mine\n${readFileSync(file, 'utf8')}`);
  const failed = (await doctor(1, 'claude-code')).filter(({ state }) => state === 'fail');
  expect(failed).toMatchObject([{ found: expect.stringContaining('its program ignores it whole') }]);
});

test('why Claude Code dropped the channel is read from its newest debug log', async () => {
  await machine.ok(['setup', 'claude-code'], { env });
  const folder = join(user, '.claude/debug');
  mkdirSync(folder);
  const log = (name: string, why: string, at: number): void => {
    writeFileSync(join(folder, name), `2026-01-01T00:00:00Z [DEBUG] Channel notifications skipped: ${why}\n`);
    utimesSync(join(folder, name), at, at);
  };
  log('old.txt', 'an older reason', 1_000);
  log('new.txt', 'channels feature is not currently available', 2_000);
  const findings = await doctor(0, 'claude-code');
  expect(findings.map(({ found }) => found).join('\n')).toContain(
    'channel dropped: channels feature is not currently available',
  );
  expect(findings.map(({ found }) => found).join('\n')).not.toContain('an older reason');
});

test('the doors of a client’s sessions are told', async () => {
  await machine.ok(['setup', 'codex'], { env });
  const server = machine.start(['mcp', '--as', 'reviewer'], {
    env: { ...env, CODEX_THREAD_ID: 'of-a-test' },
  });
  await server.stdin.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'codex-mcp-client', version: '1' } } })}\n`,
  );
  await server.stdin.flush();
  await server.stdout.getReader().read();
  const said = (await doctor(0, 'codex')).map(({ found }) => found).join('\n');
  expect(said).toContain('reviewer has open: tool; none confirmed yet');
});

test('a session of a program that is no agent by its process is told as one that might be it', async () => {
  await machine.ok(['setup', 'claude-desktop'], { env });
  const server = machine.start(['mcp'], { env });
  await eventually(async () => {
    const { agents } = await machine.json<{ agents: readonly unknown[] }>(['who']);
    return agents.length > 0 ? agents : undefined;
  });
  const said = (await doctor(0, 'claude-desktop')).map(({ found }) => found).join('\n');
  expect(said).toMatch(/agent-1 has .*\(client mcp: this program’s, or that of another editor or desktop\)/);
  await server.stdin.end();
});

async function doctor(code: number, ...clients: readonly string[]): Promise<readonly Finding[]> {
  const done = await machine.run(['doctor', ...clients, '--json'], { env });
  const { findings } = JSON.parse(done.stdout) as { findings: readonly Finding[] };
  expect([done.code, findings]).toEqual([code, findings]);
  return findings;
}
