/** How `ipc mcp` begins, waits and ends: cancellation, progress, a client that goes, a daemon that goes. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { processFacts } from '../../src/system/processes.ts';
import { eventually, lines, openMachine, type Child, type Machine } from './machine.ts';
import { openMcp, textOf } from './mcp-client.ts';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

const hello = [
  {
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  },
  { method: 'notifications/initialized' },
];

function frames(...messages: readonly object[]): string {
  return messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');
}

const call = (id: number, name: string, args: object = {}): object => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

async function startRaw(machine: Machine, name: string): Promise<Child> {
  const child = machine.start(['mcp', '--as', name]);
  await child.stdin.write(frames(...hello));
  await child.stdin.flush();
  return child;
}

async function isHere(machine: Machine, name: string): Promise<boolean> {
  return (await machine.ok(['who'])).split('\n').some((line) => line.startsWith(`${name} `));
}

describe('waiting', () => {
  test('a check that waits tells progress, and ends with the message', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('who');
    const told: { progress: number; total?: number | undefined; message?: string | undefined }[] = [];
    const waiting = bob.client.callTool({ name: 'check', arguments: { wait: 30 } }, undefined, {
      onprogress: (progress) => void told.push(progress),
    });
    await eventually(async () => (told.length > 0 ? true : undefined));
    expect(told[0]).toMatchObject({ progress: 0, total: 30, message: 'waiting for a message' });
    await machine.ok(['send', '--as', 'alice', 'bob', 'here it is']);
    expect(textOf((await waiting) as CallToolResult)).toContain('here it is');
  });

  test('a cancelled check hands over nothing, and what arrives afterwards is there for the next one', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('who');
    const given = new AbortController();
    const waiting = bob.client
      .callTool({ name: 'check', arguments: { wait: 50 } }, undefined, { signal: given.signal })
      .then(
        () => 'answered',
        () => 'cancelled',
      );
    given.abort('changed my mind');
    expect(await waiting).toBe('cancelled');
    await machine.ok(['send', '--as', 'alice', 'bob', 'later']);
    expect(await bob.text('check')).toContain('later');
  });

  test('a cancelled command is ended, with what it started, and nothing is sent', async () => {
    await using machine = await openMachine();
    await Bun.write(join(machine.directory, 'long.sh'), 'sleep 60 & echo $! > child.pid; wait');
    await using alice = await openMcp(machine, { as: 'alice', args: ['--allow-run'] });
    await alice.text('who');
    const given = new AbortController();
    const told: string[] = [];
    const running = alice.client
      .callTool({ name: 'send', arguments: { to: 'bob', run: 'sh long.sh' } }, undefined, {
        signal: given.signal,
        onprogress: ({ message }) => void told.push(message ?? ''),
      })
      .catch(() => 'cancelled');
    const pid = await eventually(async () => {
      const text = await Bun.file(join(machine.directory, 'child.pid'))
        .text()
        .catch(() => '');
      return text.endsWith('\n') ? Number(text) : undefined;
    });
    expect(told).toContain('the command runs');
    given.abort();
    expect(await running).toBe('cancelled');
    await eventually(async () => (processFacts(pid) === undefined ? true : undefined));
    expect(await alice.text('receipts')).toContain('Nothing sent yet');
  });
});

describe('the end', () => {
  test('stdin ends: answers under way are written, nobody holds the name, exit 0', async () => {
    await using machine = await openMachine();
    const child = await startRaw(machine, 'bob');
    await child.stdin.write(frames(call(1, 'send', { to: 'alice', text: 'last words' })));
    await child.stdin.end();
    const [out, code] = [await child.stdout.text(), await child.exited];
    expect(code).toBe(0);
    const answers = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number; result?: unknown });
    expect(answers.map(({ id }) => id)).toEqual([0, 1]);
    expect(JSON.stringify(answers[1]?.result)).toContain('queued for alice');
    // The client's process lives on, and by it the agent is here; no session of it is.
    await eventually(async () => {
      const { agents } = await machine.json<{ agents: { sessions: unknown[] }[] }>(['who']);
      return agents.every(({ sessions }) => sessions.length === 0) ? true : undefined;
    });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it', async (signal) => {
    await using machine = await openMachine();
    const child = await startRaw(machine, 'bob');
    const out = lines(child.stdout);
    expect(JSON.parse(String((await out.next()).value))).toMatchObject({ id: 0 });
    child.kill(signal);
    expect(await child.exited).toBe(0);
  });

  test('a client killed in the middle of a call leaves no server, no holder, and its message unread', async () => {
    await using machine = await openMachine();
    // The client in between: killed, it takes the pipes with it.
    const script = `
      const server = Bun.spawn(${JSON.stringify([join(import.meta.dir, '../../dist/ipc'), 'mcp', '--as', 'bob'])}, { stdin: 'pipe', stdout: 'pipe' });
      server.stdin.write(${JSON.stringify(frames(...hello, call(1, 'check', { wait: 50 })))});
      server.stdin.flush();
      process.stdout.write(server.pid + '\\n');
      await server.exited;`;
    const client = Bun.spawn([process.execPath, '-e', script], {
      cwd: machine.directory,
      env: { HOME: machine.directory, PATH: process.env['PATH'] ?? '', IPC_HOME: machine.home },
      stdout: 'pipe',
      stderr: 'ignore',
    });
    const pid = Number((await lines(client.stdout).next()).value);
    await eventually(async () => ((await isHere(machine, 'bob')) ? true : undefined));
    client.kill('SIGKILL');
    await client.exited;
    await eventually(async () => (processFacts(pid) === undefined ? true : undefined));
    await eventually(async () => ((await isHere(machine, 'bob')) ? undefined : true));
    await machine.ok(['send', '--as', 'alice', 'bob', 'still there']);
    expect(await machine.ok(['check', '--as', 'bob'])).toContain('still there');
  });

  test('an answer that nobody could be given is not confirmed: the message comes again', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', '--as', 'alice', 'bob', 'x'.repeat(60_000), '--json']);
    await machine.ok(['send', '--as', 'alice', 'bob', 'y'.repeat(60_000), '--json']);
    const child = await startRaw(machine, 'bob');
    const reader = child.stdout.getReader();
    await reader.read();
    // Nobody reads any more before the check is asked for: writing its answer fails.
    await reader.cancel();
    await child.stdin.write(frames(call(1, 'check')));
    await child.stdin.end();
    await child.exited;
    const receipts = await machine.json<{ messages: { receipts: { state: string }[] }[] }>([
      'receipts',
      '--as',
      'alice',
    ]);
    const states = receipts.messages.flatMap((message) => message.receipts.map(({ state }) => state));
    expect(states).toEqual(['queued', 'queued']);
    expect(await machine.ok(['check', '--as', 'bob'])).toContain('xxx');
  });
});

describe('a client that is slow, or deaf', () => {
  test('a thousand calls in one breath are all answered, though nobody reads until they are made', async () => {
    await using machine = await openMachine();
    // A pipe as Bun makes it is non-blocking on our side too: full, it refuses instead of waiting.
    const child = await startRaw(machine, 'bob');
    const ids = Array.from({ length: 1_000 }, (_, at) => at + 1);
    await child.stdin.write(frames(...ids.map((id) => call(id, 'who'))));
    await child.stdin.flush();
    const answered: number[] = [];
    for await (const line of lines(child.stdout)) {
      const { id } = JSON.parse(line) as { id?: number };
      if (id !== undefined && id > 0) answered.push(id);
      if (answered.length === ids.length) break;
    }
    expect(answered.toSorted((one, other) => one - other)).toEqual(ids);
    await child.stdin.end();
    expect(await child.exited).toBe(0);
  }, 30_000);

  test('one that closed our stdout cannot be served: the server ends, stdin open or not', async () => {
    await using machine = await openMachine();
    const child = await startRaw(machine, 'bob');
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    await child.stdin.write(frames(call(1, 'who')));
    await child.stdin.flush();
    expect(await child.exited).toBe(0);
  });
});

describe('side by side', () => {
  test('two servers hold two names and talk to each other', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    const waiting = bob.text('check', { wait: 20 });
    await alice.text('send', { to: 'bob', text: 'ping' });
    expect(await waiting).toContain('ping');
  });

  test('started again while the one before still writes its last answer, it has the name', async () => {
    await using machine = await openMachine();
    const before = await startRaw(machine, 'gem');
    await eventually(async () => ((await isHere(machine, 'gem')) ? true : undefined));
    await before.stdin.write(frames(call(1, 'check', { wait: 20 })));
    await before.stdin.end();
    await using after = await openMcp(machine, { as: 'gem' });
    expect(await after.text('who', { name: 'me' })).toStartWith('Registered as gem, ');
  });

  test('renamed from outside, it keeps that name when the daemon comes back, and its doors', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob', env: { IPC_CHANNEL: '1' } });
    await bob.text('who');
    await machine.ok(['rename', '--as', 'bob', 'fred']);
    process.kill(await machine.daemonPid(), 'SIGKILL');
    await machine.ok(['send', 'fred', 'after the crash']);
    const fred = await eventually(async () => {
      const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who']);
      return agents.find(({ doors }) => doors.length === 2);
    });
    expect([fred.name, fred.doors.toSorted()]).toEqual(['fred', ['channel', 'tool']]);
  });

  test('a daemon killed under a live server: it goes on, the name is kept, arrivals are followed', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    await using alice = await openMcp(machine, { as: 'alice' });
    await bob.text('who');
    await alice.text('who');
    process.kill(await machine.daemonPid(), 'SIGKILL');
    expect(await alice.text('send', { to: 'bob', text: 'after the crash' })).toMatch(
      /(sent to|queued for) bob/,
    );
    expect(await bob.text('check', { wait: 10 })).toContain('after the crash');
    await eventually(async () =>
      (await isHere(machine, 'bob')) && (await isHere(machine, 'alice')) ? true : undefined,
    );
    await alice.text('send', { to: 'bob', text: 'more' });
    await eventually(async () =>
      (await bob.text('who')).includes('1 unread from alice') ? true : undefined,
    );
  });
});

describe('what a client gets wrong', () => {
  test('arguments: each wrong one is named, and the tool says so as a tool', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    expect(await bob.refused('send', { text: 'to nobody' })).toContain('to:');
    expect(await bob.refused('send', { to: 'x', text: 'y', mesage: 'z' })).toContain('mesage');
    expect(await bob.refused('check', { limit: 0 })).toContain('limit:');
    expect(await bob.refused('send', { to: 'no-name!', text: 'x' })).toContain('no-name!');
    expect(bob.call('no_such_tool')).rejects.toThrow('wanted one of send');
  });

  test('oversize: a text beyond all measure is refused, and the server lives on', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    expect(await bob.refused('send', { to: 'x', text: 'x'.repeat(5_000_000) })).toContain('text:');
    expect(await bob.refused('send', { to: 'x', data: { big: 'x'.repeat(2_000_000) } })).not.toContain(
      'internal',
    );
    expect(await bob.text('who', { name: 'me' })).toContain('bob');
  });

  test('answers larger than the client’s pipe are written whole, one after another', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const body = 'z'.repeat(1_000_000);
    const { id } = await machine.json<{ id: string }>(['send', '--as', 'alice', 'bob', '-'], { stdin: body });
    const read = () => bob.client.readResource({ uri: `ipc://message/${id}?bytes=1000000` });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(read));
    for (const { contents } of answers) expect(contents[0]).toMatchObject({ text: body });
    expect(bob.stderr()).toBe('');
  });

  test('garbage on stdin is no reason to end', async () => {
    await using machine = await openMachine();
    const child = await startRaw(machine, 'bob');
    await child.stdin.write('this is no json\n{"jsonrpc":"2.0"}\n\n');
    await child.stdin.write(frames(call(1, 'who', { name: 'me' })));
    await child.stdin.end();
    const out = await child.stdout.text();
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([0, 1]);
    expect(await child.exited).toBe(0);
  });
});

describe('the command line', () => {
  test('the kernel toolset is there when it is asked for, and an unknown one is refused', async () => {
    await using machine = await openMachine();
    expect((await machine.run(['mcp', '--toolsets', 'messages,kernel'], { stdin: '' })).code).toBe(0);
    const unknown = await machine.run(['mcp', '--toolsets', 'x']);
    expect([unknown.code, unknown.stdout]).toEqual([64, '']);
    expect(unknown.stderr).toContain('"x"');
    expect((await machine.run(['mcp', '--toolsets', 'messages'], { stdin: '' })).code).toBe(0);
  });
});
