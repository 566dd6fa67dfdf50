/** What wakes an idle session: the monitor and the waiter, and what each leaves to the hooks (design §2). */
import { describe, expect, test } from 'bun:test';
import { claude, contextOf, hook, receipt, send, SESSION } from './hook-session.ts';
import { eventually, lines, openMachine, type Child, type Machine } from './machine.ts';

const env = { CLAUDE_CODE_SESSION_ID: SESSION };

/** As Claude Code 2.1.329 tells its hooks of a monitor's line. */
const notified = (line: string): string =>
  `<task-notification>\n<task-id>b9</task-id>\n<summary>Monitor event: "ipc inbox"</summary>\n<event>${line}</event>\n</task-notification>`;

async function doorsOf(machine: Machine, name: string): Promise<readonly string[]> {
  const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who', '--all']);
  return agents.find((agent) => agent.name === name)?.doors ?? [];
}

async function hasDoor(machine: Machine, door: string): Promise<void> {
  await eventually(async () => ((await doorsOf(machine, 'agent-1')).includes(door) ? true : undefined));
}

async function startMonitor(machine: Machine): Promise<{ monitor: Child; next: () => Promise<string> }> {
  const monitor = machine.start(['watch', '--format', 'line'], { env });
  await hasDoor(machine, 'monitor');
  const read = lines(monitor.stdout);
  return { monitor, next: async () => (await read.next()).value ?? '(ended)' };
}

describe('the monitor', () => {
  test('shows a line; the notification of it proves that it was seen, and nothing is said twice', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    const id = await send(machine, 'agent-1', 'wake up');
    const line = await next();
    expect(line).toBe(`${id} tester: wake up`);
    await eventually(async () => ((await receipt(machine, id))['state'] === 'offered' ? true : undefined));
    expect(await receipt(machine, id)).toMatchObject({ state: 'offered', offeredBy: ['monitor'] });
    const prompt = claude('UserPromptSubmit', { prompt: notified(line) });
    expect((await hook(machine, prompt)).answer).toBeUndefined();
    expect(await receipt(machine, id)).toMatchObject({ state: 'seen', door: 'monitor' });
    expect((await hook(machine, claude('PostToolUse'))).answer).toBeUndefined();
    expect((await hook(machine, claude('Stop'))).answer).toBeUndefined();
  });

  test('of a long text shows the beginning; the next hook hands over the whole', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    const id = await send(machine, 'agent-1', `begin ${'x'.repeat(300)} end`);
    const line = await next();
    expect(line).toEndWith('… (cut; check hands it over)');
    await hook(machine, claude('UserPromptSubmit', { prompt: notified(line) }));
    expect(['queued', 'offered']).toContain(String((await receipt(machine, id))['state']));
    expect(contextOf((await hook(machine, claude('PostToolUse'))).answer)).toContain('x end');
    expect((await receipt(machine, id))['state']).toBe('handed');
  });

  test('a line that never got to the model is no proof: the next hook brings the message', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    const id = await send(machine, 'agent-1', 'dropped on the way');
    await next();
    const { answer } = await hook(machine, claude('UserPromptSubmit', { prompt: 'what is new?' }));
    expect(contextOf(answer)).toContain('dropped on the way');
    expect((await receipt(machine, id))['state']).toBe('handed');
  });

  test('what a hook handed over is seen once it stands in the transcript', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const id = await send(machine, 'agent-1', 'with the tool');
    const text = contextOf((await hook(machine, claude('PostToolUse'))).answer);
    const transcript = `${machine.directory}/t.jsonl`;
    const record = {
      type: 'user',
      message: {
        role: 'user',
        content: [
          {
            type: 'text',
            text: `<system-reminder>\nPostToolUse:Bash hook additional context: ${text}\n</system-reminder>`,
          },
        ],
      },
    };
    await Bun.write(transcript, `${JSON.stringify(record)}\n`);
    expect((await receipt(machine, id))['state']).toBe('handed');
    expect(
      (await hook(machine, claude('PostToolUse', { transcript_path: transcript }))).answer,
    ).toBeUndefined();
    expect((await receipt(machine, id))['state']).toBe('seen');
  });

  test('leaves a turn under way to the hooks, and wakes when it is over', async () => {
    await using machine = await openMachine();
    const server = machine.start(['mcp'], { env });
    await hasDoor(machine, 'tool');
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    await hook(machine, claude('UserPromptSubmit', { prompt: 'work on it' }));
    await send(machine, 'agent-1', 'during the turn');
    expect(contextOf((await hook(machine, claude('PostToolUse'))).answer)).toContain('during the turn');
    await hook(machine, claude('Stop'));
    const id = await send(machine, 'agent-1', 'after the turn');
    expect(await next()).toBe(`${id} tester: after the turn`);
    server.kill();
  });

  test('shows after a pause what came before it', async () => {
    await using machine = await openMachine();
    const server = machine.start(['mcp'], { env });
    await hasDoor(machine, 'tool');
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    await hook(machine, claude('UserPromptSubmit', { prompt: 'work on it' }));
    const id = await send(machine, 'agent-1', 'before the pause');
    // Long enough for it to look some times.
    await machine.ok(['pause', '1s'], { env });
    await hook(machine, claude('Stop'));
    expect(await next()).toBe(`${id} tester: before the pause`);
    server.kill();
  });

  test('shows what comes behind more than one page of unread messages', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const body = 'x'.repeat(60_000);
    for (let at = 0; at < 10; at += 1) await send(machine, 'agent-1', `${at} ${body}`);
    const { next } = await startMonitor(machine);
    await next();
    const id = await send(machine, 'agent-1', 'behind all that');
    // How many of the others are told together hangs on how fast they come.
    let line = await next();
    for (let more = 0; more < 10 && !line.startsWith(id); more += 1) line = await next();
    expect(line).toBe(`${id} tester: behind all that`);
  });

  test('outlives a restart of the daemon', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { next } = await startMonitor(machine);
    await machine.ok(['daemon', 'restart']);
    const id = await send(machine, 'agent-1', 'to the new one');
    expect(await next()).toBe(`${id} tester: to the new one`);
  });

  test('ends when nobody reads it any more', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const monitor = machine.start(['-c', '"$IPC" watch --format line | head -n 1; exit "${PIPESTATUS[0]}"'], {
      binary: 'bash',
      env: { ...env, IPC: (await import('./machine.ts')).BINARY },
    });
    await hasDoor(machine, 'monitor');
    await send(machine, 'agent-1', 'one');
    const outcome = eventually(async () => {
      await send(machine, 'agent-1', `more ${performance.now()}`);
      return monitor.exitCode ?? undefined;
    });
    expect(await outcome).toBe(0);
  });
});

describe('the waiter', () => {
  const stop = JSON.stringify(claude('Stop'));
  /** The client program it ends with. */
  async function waiting(machine: Machine): Promise<{ waiter: Child; client: Child }> {
    const client = machine.start(['600'], { binary: 'sleep' });
    const waiter = machine.start(['hook', 'wait'], { env: { ...env, CLAUDE_PID: String(client.pid) } });
    await waiter.stdin.write(stop);
    await waiter.stdin.end();
    return { waiter, client };
  }

  test('ends with 2 and the message on stderr when something comes: offered, not handed', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { waiter } = await waiting(machine);
    await hasDoor(machine, 'hook');
    const id = await send(machine, 'agent-1', 'wake up');
    expect(await waiter.exited).toBe(2);
    const said = await waiter.stderr.text();
    expect(said).toBe(`A message waits on ipc:\n${id} tester: wake up\n`);
    expect(await waiter.stdout.text()).toBe('');
    expect(await receipt(machine, id)).toMatchObject({ state: 'offered', offeredBy: ['hook'] });
    const prompt = `<task-notification>\n<summary>Stop hook feedback</summary>\nStop hook blocking error from command "Stop": ${said}</task-notification>`;
    expect((await hook(machine, claude('UserPromptSubmit', { prompt }))).answer).toBeUndefined();
    expect((await receipt(machine, id))['state']).toBe('seen');
  });

  test('wakes once for a message, and for none while auto-checking is stopped', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    // A server of the session, so that it stays idle from one waiter to the next.
    machine.start(['mcp'], { env });
    await hasDoor(machine, 'tool');
    await hook(machine, claude('Stop'));
    await send(machine, 'agent-1', 'long '.repeat(100));
    const event = JSON.stringify(claude('Stop'));
    expect((await machine.run(['hook', 'wait'], { stdin: event })).code).toBe(2);
    // It was told, and asked for nothing: another wake-up would be one more turn, and so on without end.
    const second = machine.start(['hook', 'wait']);
    await second.stdin.write(event);
    await second.stdin.end();
    await hasDoor(machine, 'hook');
    const id = await send(machine, 'agent-1', 'another');
    expect(await second.exited).toBe(2);
    const told = await second.stderr.text();
    expect(told).toContain(id);
    expect(told).not.toContain('long long');
    await machine.ok(['do', 'stop auto checking'], { env });
    await send(machine, 'agent-1', 'not unasked');
    expect((await machine.run(['hook', 'wait'], { stdin: event })).code).toBe(0);
  });

  test('is one for a session, and ends with the session', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const first = await waiting(machine);
    await hasDoor(machine, 'hook');
    const second = await waiting(machine);
    expect(await second.waiter.exited).toBe(0);
    await hook(machine, claude('SessionEnd', { reason: 'other' }));
    expect(await first.waiter.exited).toBe(0);
    expect(await first.waiter.stderr.text()).toBe('');
  });

  test('ends with its client, so that no forgotten one keeps the daemon up', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const { waiter, client } = await waiting(machine);
    await hasDoor(machine, 'hook');
    client.kill();
    expect(await waiter.exited).toBe(0);
  });

  test('does not wait where a monitor wakes the session already', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await startMonitor(machine);
    expect(await (await waiting(machine)).waiter.exited).toBe(0);
  });
});
