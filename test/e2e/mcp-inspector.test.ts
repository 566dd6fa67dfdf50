/**
 * The MCP Inspector judges the compiled `ipc mcp`: every tool, resource and prompt, and with --strict
 * whether the schemas of the tools are understood by every client.
 */
import { describe, expect } from 'bun:test';
import { type Inspected, inspect as ask, inspected } from './inspector.ts';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';

async function inspect(machine: Machine, ...words: readonly string[]): Promise<Inspected> {
  // It hands on hardly anything of its own environment.
  const target = ['-e', `IPC_HOME=${machine.home}`, BINARY, 'mcp', '--as', 'inspector'];
  const found = await ask(machine, target, words);
  // The next one wants the same name.
  await eventually(async () => ((await machine.ok(['who'])).includes('inspector ') ? undefined : true));
  return found;
}

describe('the MCP Inspector', () => {
  inspected('finds nothing to warn of in the tools', async () => {
    await using machine = await openMachine();
    const { code, result, stderr } = await inspect(machine, '--method', 'tools/list', '--strict');
    // It writes warnings there, and nothing when there is none.
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(result['tools']).toBeArrayOfSize(9);
  });

  inspected.each([
    ['ask', { to: 'bob', text: 'well?', timeout: 0.1 }, 'Ticket'],
    ['check', {}, 'Nothing new'],
    ['history', { limit: 5 }, 'Nothing yet'],
    ['mailbox', { action: 'pause', seconds: 60 }, 'paused until'],
    ['receipts', {}, 'Nothing sent yet'],
    ['register', { about: 'inspecting' }, 'You are inspector'],
    ['send', { to: 'bob', text: 'hi', data: { n: 1 } }, 'queued for bob'],
    ['who', {}, '(you are inspector)'],
  ] as const)('calls %s', async (name, args, expected) => {
    await using machine = await openMachine();
    const { code, result } = await inspect(
      machine,
      '--method',
      'tools/call',
      '--tool-name',
      name,
      '--tool-args-json',
      JSON.stringify(args),
    );
    expect(code).toBe(0);
    expect(JSON.stringify(result)).toContain(expected);
  });

  inspected('passes on what a person types as --tool-arg', async () => {
    await using machine = await openMachine();
    const typed = ['to=bob, #reviews', 'text=hi'].flatMap((word) => ['--tool-arg', word]);
    await machine.ok(['topic', 'join', 'reviews', '--as', 'alice']);
    const { result } = await inspect(machine, '--method', 'tools/call', '--tool-name', 'send', ...typed);
    expect(JSON.stringify(result)).toContain('queued for bob');
    expect(JSON.stringify(result)).toContain('through #reviews');
  });

  inspected('calls reply, and sees a refusal as the tool’s own error', async () => {
    await using machine = await openMachine();
    const { code, result } = await inspect(
      machine,
      '--method',
      'tools/call',
      '--tool-name',
      'reply',
      '--tool-args-json',
      '{"text":"hi"}',
    );
    expect(code).toBe(5);
    expect(JSON.stringify(result)).toContain('nothing was handed to inspector yet');
  });

  inspected.each(['ipc://inbox', 'ipc://messages/latest', 'ipc://agents'])('reads %s', async (uri) => {
    await using machine = await openMachine();
    const { code, result } = await inspect(machine, '--method', 'resources/read', '--uri', uri);
    expect(code).toBe(0);
    expect(result['contents']).toMatchObject([{ uri, mimeType: 'text/plain' }]);
  });

  inspected('reads a message and a thread, and lists resources and templates', async () => {
    await using machine = await openMachine();
    const { id, thread } = await machine.json<{ id: string; thread: string }>([
      'send',
      '--as',
      'alice',
      'inspector',
      'read me',
    ]);
    for (const uri of [`ipc://message/${id}`, `ipc://thread/${thread}`, `ipc://message/${id}?from=0&bytes=4`])
      expect(JSON.stringify(await inspect(machine, '--method', 'resources/read', '--uri', uri))).toContain(
        'read',
      );
    expect(JSON.stringify((await inspect(machine, '--method', 'resources/list')).result)).toContain(id);
    const { result } = await inspect(machine, '--method', 'resources/templates/list');
    expect(result['resourceTemplates']).toBeArrayOfSize(3);
  });

  inspected.each([
    ['get', {}],
    ['status', {}],
    ['clear', {}],
    ['send', { to: 'bob', message: 'hi' }],
  ] as const)('gets the prompt %s', async (name, args) => {
    await using machine = await openMachine();
    const given = Object.entries(args).flatMap(([key, value]) => ['--prompt-args', `${key}=${value}`]);
    const { code, result } = await inspect(
      machine,
      '--method',
      'prompts/get',
      '--prompt-name',
      name,
      ...given,
    );
    expect(code).toBe(0);
    expect(result['messages']).toMatchObject([{ role: 'user' }]);
  });
});
