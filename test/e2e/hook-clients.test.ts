/** `ipc hook` on the compiled binary, with what each client program writes to it (issue 3, interfaces §2.4, §3). */
import { describe, expect, test } from 'bun:test';
import { claude, contextOf, hook, receipt, send, SESSION, THREAD, type Event } from './hook-session.ts';
import { BINARY, eventually, openMachine, type Child, type Machine } from './machine.ts';

const codex = (name: string, more: Event = {}): Event => ({
  session_id: THREAD,
  transcript_path: null,
  cwd: '/tmp',
  hook_event_name: name,
  model: 'gpt-5.2-codex',
  permission_mode: 'default',
  ...more,
});
const gemini = (name: string, more: Event = {}): Event => ({
  session_id: 'g-1',
  transcript_path: '',
  cwd: '/tmp',
  hook_event_name: name,
  timestamp: '2026-11-21T05:00:00.000Z',
  ...more,
});
const vscode = (name: string, more: Event = {}): Event => ({
  timestamp: '2026-11-21T05:00:00.000Z',
  cwd: '/tmp',
  sessionId: 'v-1',
  hookEventName: name,
  transcript_path: '',
  ...more,
});
const cursor = (name: string, more: Event = {}): Event => ({
  conversation_id: 'c-1',
  generation_id: 'g',
  hook_event_name: name,
  workspace_roots: ['/tmp'],
  cursor_version: '2.1',
  ...more,
});

const body = (answer: Record<string, unknown> | undefined): string => JSON.stringify(answer ?? {});

/** A script with a PostToolUse event in a file. */
async function shell(machine: Machine, script: string): Promise<Child> {
  await Bun.write(`${machine.directory}/event.json`, JSON.stringify(claude('PostToolUse')));
  return machine.start(['-c', script], { binary: 'bash', env: { IPC: BINARY } });
}

describe('each client is told in its own shape', () => {
  test.each([
    ['Claude Code', claude('SessionStart', { source: 'startup' }), claude('PostToolUse'), claude('Stop')],
    [
      'Codex',
      codex('SessionStart', { source: 'startup' }),
      codex('PostToolUse', { turn_id: 't' }),
      codex('Stop', { turn_id: 't' }),
    ],
    ['Gemini CLI', gemini('SessionStart', { source: 'startup' }), gemini('AfterTool'), gemini('AfterAgent')],
    ['VS Code', vscode('SessionStart', { source: 'new' }), vscode('PostToolUse'), vscode('Stop')],
  ] as const)(
    '%s: who it is at the start, messages after a tool and at a stop',
    async (client, start, tool, stop) => {
      await using machine = await openMachine();
      const greeting = contextOf((await hook(machine, start)).answer);
      expect(greeting).toContain('agent "agent-1"');
      expect(greeting).toContain('nothing unread');
      const first = await send(machine, 'agent-1', 'after the tool');
      const { answer } = await hook(machine, tool);
      expect(contextOf(answer)).toContain('after the tool');
      expect(answer).toMatchObject({
        hookSpecificOutput: { hookEventName: tool['hook_event_name'] ?? tool['hookEventName'] },
      });
      expect(await receipt(machine, first)).toMatchObject({ state: 'handed', door: 'hook' });
      await send(machine, 'agent-1', 'at the stop');
      const stopped = (await hook(machine, stop)).answer;
      expect(body(stopped)).toContain('at the stop');
      expect(Object.keys(stopped ?? {}).toSorted()).toEqual(
        client === 'Codex' || client === 'Gemini CLI' ? ['decision', 'reason'] : ['hookSpecificOutput'],
      );
      if (client === 'VS Code')
        expect(stopped).toMatchObject({ hookSpecificOutput: { hookEventName: 'Stop', decision: 'block' } });
    },
  );

  test('Cursor: a follow-up message at a stop, nothing where it takes no context', async () => {
    await using machine = await openMachine();
    expect(body((await hook(machine, cursor('sessionStart'))).answer)).toContain('agent-1');
    const id = await send(machine, 'agent-1', 'go on');
    expect((await hook(machine, cursor('beforeSubmitPrompt', { prompt: 'hello' }))).answer).toBeUndefined();
    expect((await hook(machine, cursor('postToolUse'))).answer).toBeUndefined();
    expect((await receipt(machine, id))['state']).toBe('queued');
    const { answer } = await hook(machine, cursor('stop', { status: 'completed', loop_count: 0 }));
    expect(Object.keys(answer ?? {})).toEqual(['followup_message']);
    expect(body(answer)).toContain('go on');
    await send(machine, 'agent-1', 'once too often');
    expect((await hook(machine, cursor('stop', { loop_count: 5 }))).answer).toBeUndefined();
  });

  test('VS Code takes no context with a prompt: what waits stays unread', async () => {
    await using machine = await openMachine();
    await hook(machine, vscode('SessionStart', { source: 'new' }));
    const id = await send(machine, 'agent-1', 'later');
    expect((await hook(machine, vscode('UserPromptSubmit', { prompt: 'hi' }))).answer).toBeUndefined();
    expect((await receipt(machine, id))['state']).toBe('queued');
  });

  test('Claude Code and Gemini CLI get what waits with a person’s prompt', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await hook(machine, gemini('SessionStart', { source: 'startup' }));
    await send(machine, 'agent-1', 'for claude');
    await send(machine, 'agent-2', 'for gemini');
    expect(contextOf((await hook(machine, claude('UserPromptSubmit', { prompt: 'hi' }))).answer)).toContain(
      'for claude',
    );
    expect(contextOf((await hook(machine, gemini('BeforeAgent', { prompt: 'hi' }))).answer)).toContain(
      'for gemini',
    );
  });
});

describe('a session begins', () => {
  test('with a preview of what waits, which stays unread', async () => {
    await using machine = await openMachine();
    const id = await send(machine, 'nessa', `look at this\n${'x'.repeat(500)}`);
    const { answer } = await hook(machine, claude('SessionStart', { source: 'startup' }), {
      args: ['--as', 'nessa'],
    });
    const text = contextOf(answer);
    expect(text).toContain('agent "nessa"');
    expect(text).toContain('1 unread');
    expect(text).toMatch(/- from tester \(script\), sent \S+ \(just now then\), 513 B/);
    expect(text).not.toContain('look at this');
    expect(text).toMatch(/As of \d{4}-\d\d-\d\dT.*later changes are not shown here/);
    expect(text).not.toContain('xxxx');
    expect((await receipt(machine, id))['state']).toBe('queued');
  });

  test('once, when two programs run the same hook; again after a clear', async () => {
    await using machine = await openMachine();
    const start = claude('SessionStart', { source: 'startup' });
    const both = await Promise.all([hook(machine, start), hook(machine, start)]);
    expect(both.filter(({ answer }) => answer !== undefined)).toHaveLength(1);
    expect((await hook(machine, claude('SessionStart', { source: 'clear' }))).answer).toBeDefined();
  });

  test('and commands run in it act under the same name', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const env = { CLAUDE_CODE_SESSION_ID: SESSION };
    expect((await machine.json<{ you: { name: string } }>(['whoami'], { env })).you.name).toBe('agent-1');
  });
});

describe('nothing is lost or shown twice', () => {
  test('of two programs that run the same hook one hands a message over', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await send(machine, 'agent-1', 'only once');
    const answers = await Promise.all([1, 2, 3].map(() => hook(machine, claude('PostToolUse'))));
    expect(answers.filter(({ answer }) => body(answer).includes('only once'))).toHaveLength(1);
  });

  test('context stays below 10,000 characters; what does not fit is counted and comes next', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    for (let number = 0; number < 14; number += 1)
      await send(machine, 'agent-1', `number ${number} ${'é'.repeat(900)}`);
    const seen: string[] = [];
    for (let round = 0; round < 6 && seen.length < 14; round += 1) {
      const text = contextOf((await hook(machine, claude('PostToolUse'))).answer);
      expect(text.length).toBeLessThanOrEqual(10_000);
      const shown = [...text.matchAll(/^number (\d+) /gm)].map(([, number = '']) => number);
      seen.push(...shown);
      if (seen.length < 14) expect(text).toContain(`${14 - seen.length} more unread`);
    }
    expect(seen).toEqual(Array.from({ length: 14 }, (_, number) => String(number)));
  });

  test('a body of 64 KiB, of characters that grow when they are shown, still fits', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await send(machine, 'agent-1', '\u202e'.repeat(20_000));
    const text = contextOf((await hook(machine, claude('PostToolUse'))).answer);
    expect(text.length).toBeLessThanOrEqual(10_000);
    expect(text).toContain('\\u{202e}');
    expect(text).toMatch(/lacks its last/);
  });

  test('a hook whose client closed stdout hands nothing over', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const id = await send(machine, 'agent-1', 'not lost');
    const ran = await shell(machine, '"$IPC" hook >&- <event.json');
    expect(await ran.exited).toBe(0);
    expect((await receipt(machine, id))['state']).toBe('queued');
    expect(body((await hook(machine, claude('PostToolUse'))).answer)).toContain('not lost');
  });

  test('what a killed hook was about to say comes again, marked', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const id = await send(machine, 'agent-1', 'not lost');
    // Its stdout is full and nobody reads: it hangs with the message leased until its client's patience ends.
    const full = '{ head -c 65536 /dev/zero; echo $BASHPID >pid; exec "$IPC" hook <event.json; } | sleep 600';
    const hanging = await shell(machine, full);
    await eventually(async () => ((await receipt(machine, id))['attempts'] === 1 ? true : undefined));
    expect((await receipt(machine, id))['state']).toBe('queued');
    process.kill(Number(await Bun.file(`${machine.directory}/pid`).text()), 'SIGKILL');
    const text = await eventually(async () => {
      const { answer } = await hook(machine, claude('PostToolUse'));
      return answer === undefined ? undefined : contextOf(answer);
    });
    expect(text).toContain('not lost');
    expect(text).toContain('may have been shown before');
    hanging.kill();
  });

  test('a stop makes the agent go on seven times in a row at most, then waits', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    let goneOn = 0;
    for (let round = 0; round < 9; round += 1) {
      await send(machine, 'agent-1', `round ${round}`);
      const { answer } = await hook(machine, claude('Stop', { stop_hook_active: round > 0 }));
      if (answer !== undefined) goneOn += 1;
    }
    expect(goneOn).toBe(7);
    const { answer } = await hook(machine, claude('Stop', { stop_hook_active: false }));
    expect(body(answer)).toContain('round 8');
  });

  test('an open request comes back to mind at a stop, once', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await machine.ok(['send', 'agent-1', '--intent', 'request', '--', 'which port?']);
    await hook(machine, claude('PostToolUse'));
    expect(body((await hook(machine, claude('Stop'))).answer)).toContain('which port?');
    expect((await hook(machine, claude('Stop'))).answer).toBeUndefined();
  });

  test('a subagent’s events hand over nothing', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    const id = await send(machine, 'agent-1', 'for the session');
    expect(
      (await hook(machine, claude('PostToolUse', { agent_id: 'a1', agent_type: 'Explore' }))).answer,
    ).toBeUndefined();
    expect((await receipt(machine, id))['state']).toBe('queued');
  });
});

describe('whatever comes on stdin, a hook ends with 0', () => {
  test.each([
    ['nothing', ''],
    ['garbage', 'not json {{{'],
    ['another JSON', '[1,2]'],
    ['no session', '{"hook_event_name":"Stop"}'],
    ['an event of no interest', JSON.stringify(claude('PreCompact'))],
    ['an id that is a path', JSON.stringify(claude('Stop', { session_id: '../../x\ny' }))],
    ['NUL bytes', '\0'.repeat(1_000)],
  ])('%s', async (_what, stdin) => {
    await using machine = await openMachine();
    expect((await hook(machine, stdin)).answer).toBeUndefined();
  });

  test('10 MB of JSON', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await send(machine, 'agent-1', 'behind a long answer');
    const { answer } = await hook(machine, claude('PostToolUse', { tool_response: 'x'.repeat(10_000_000) }));
    expect(body(answer)).toContain('behind a long answer');
  });

  test('a home that is a file, and no daemon: said on stderr, or nothing to say', async () => {
    await using machine = await openMachine();
    const { result } = await hook(machine, claude('PostToolUse'), { env: { IPC_HOME: '/dev/null' } });
    expect(result.stdout).toBe('');
    const { result: start } = await hook(machine, claude('SessionStart'), { env: { IPC_HOME: '/dev/null' } });
    expect(start.stderr).toContain('ipc hook: ');
  });

  test('only a session’s beginning and a prompt start a daemon', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await machine.ok(['daemon', 'stop']);
    for (const name of ['PostToolUse', 'Stop', 'SessionEnd'])
      expect((await hook(machine, claude(name))).answer).toBeUndefined();
    expect((await machine.run(['daemon', 'status'])).code).toBe(69);
    await hook(machine, claude('SessionStart', { source: 'resume' }));
    expect((await machine.run(['daemon', 'status'])).code).toBe(0);
  });

  test('what failed is in the log', async () => {
    await using machine = await openMachine();
    await hook(machine, claude('SessionStart', { source: 'startup' }));
    await hook(machine, 'garbage');
    expect(await machine.ok(['daemon', 'logs'])).toContain('hook failed');
  });
});
