/**
 * What `ipc setup` wrote, read by the programs it was written for. They run offline; where one cannot be
 * had from npm, its tests are skipped and say so.
 */
import { afterEach, beforeEach, expect } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realProgram } from './installed.ts';
import { offline, said } from './offline.ts';
import { BINARY, type Machine, openMachine } from '../e2e/machine.ts';

const codex = await realProgram('codex');
const gemini = await realProgram('gemini');

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

codex.realTest(
  'Codex: lists the server, and knows each hook as one to be approved',
  async () => {
    mkdirSync(join(user, '.codex'));
    writeFileSync(join(user, '.codex/config.toml'), '# mine\nmodel = "gpt-5"\n');
    await machine.ok(['setup', 'codex']);
    expect(await said(machine, [codex.command, 'mcp', 'get', 'ipc'])).toContain(`command: ${BINARY}`);
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
    expect(await said(machine, [gemini.command, 'mcp', 'list'])).toMatch(/ipc: .* - Connected/);
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
    env: offline(machine),
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
