/** Claude Code over HTTP: `claude mcp add --transport http`, as the README has it, and no other set-up. */
import { expect } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDoor } from '../e2e/http-door.ts';
import { tokenFor } from '../e2e/http-mcp-client.ts';
import { eventually } from '../e2e/machine.ts';
import { claudeStage } from './claude-code.ts';
import { realProgram } from './installed.ts';
import { online } from './mailbox.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('claude');

realTest(
  'Claude Code over HTTP lists the tools, sends, and gets as far as the gate of channels',
  async () => {
    await using stage = await claudeStage(command);
    const { machine, model } = stage;
    const door = await openDoor(machine);
    const bearer = `Authorization: Bearer ${await tokenFor(machine, 'coder')}`;
    const channel = 'Ipc-Channel: 1';
    await stage.run([
      ...['mcp', 'add', '--scope', 'user', '--transport', 'http', 'ipc', `${door.url}/mcp`],
      ...['--header', bearer, '--header', channel],
    ]);
    expect(await stage.run(['mcp', 'list'])).toMatch(/ipc: .*\/mcp \(HTTP\).*Connected/);

    model.when(
      'hello model',
      call('ToolSearch', { query: 'select:mcp__ipc__send,mcp__ipc__check,mcp__ipc__who' }),
      call('mcp__ipc__send', { to: 'tester', text: 'on my way' }),
      say('told them'),
    );
    const session = await stage.start(['--dangerously-load-development-channels', 'server:ipc']);
    expect(await online(machine, 'tool')).toBe('coder');
    await session.prompt('hello model');
    await model.sees('queued for tester');
    const listed = (await model.sees('queued for tester')).tools.join(' ');
    for (const tool of ['send', 'check', 'who']) expect(listed).toContain(`mcp__ipc__${tool}`);
    expect(await machine.ok(['check'])).toContain('on my way');

    // Without its feature flags, which it has from its maker's servers, it skips every channel at this gate.
    const debug = await eventually(async () => {
      const text = await readFile(join(machine.userHome, 'claude-debug.txt'), 'utf8');
      return /Channel notifications (?:skipped|registered).*/.exec(text)?.[0];
    }, 20_000);
    expect(debug).toMatch(/registered|skipped: channels feature is not currently available/);
  },
);
