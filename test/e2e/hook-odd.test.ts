/** Hooks whose input never ends or is no event, and sessions that begin in a crowd. */
import { expect, test } from 'bun:test';
import { claude, contextOf, hook } from './hook-session.ts';
import { BINARY, openMachine } from './machine.ts';

test('an input that says too much, or nothing, or no event, blocks nothing', async () => {
  await using machine = await openMachine();
  const much = machine.start(['hook']);
  const part = new Uint8Array(1_048_576).fill(0x61);
  try {
    for (let sent = 0; sent < 65; sent += 1) void much.stdin.write(part);
    await much.stdin.end();
  } catch {
    // It read as much as it would.
  }
  const [code, talk] = await Promise.all([much.exited, much.stderr.text()]);
  expect([code, talk]).toEqual([0, expect.stringContaining('found more than 67108864 bytes')]);
  for (const [stdin, words] of [
    ['', 'found nothing'],
    ['no json', 'ipc hook:'],
  ] as const)
    expect(await machine.run(['hook'], { stdin })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining(words),
    });
  for (const stdin of ['{}', '[]', 'null', '7', '{"hook_event_name":7}', '{"hook_event_name":"Nosuch"}'])
    expect([stdin, await machine.run(['hook'], { stdin })]).toMatchObject([stdin, { code: 0, stdout: '' }]);
  const folder = machine.start(['-c', '"$IPC" hook < /'], { binary: 'sh', env: { IPC: BINARY } });
  expect([await folder.exited, await folder.stderr.text()]).toEqual([0, expect.stringContaining('EISDIR')]);
});

test('a session that begins in a crowd is told of some of it, and how much more there is', async () => {
  await using machine = await openMachine();
  const start = claude('SessionStart', { source: 'startup' });
  await hook(machine, start, { args: ['--as', 'claude'] });
  const watchers = Array.from({ length: 23 }, (_, index) =>
    machine.start(['watch', '--as', `watcher-${index}`]),
  );
  for (let count = 0; count < 8; count += 1)
    await machine.ok([
      'send',
      '--as',
      'ann',
      'claude',
      `message ${count}`,
      ...(count === 0 ? ['--request'] : []),
    ]);
  for (;;) {
    const { agents } = await machine.json<{ agents: { sessions: unknown[] }[] }>(['who']);
    if (agents.filter(({ sessions }) => sessions.length > 0).length >= watchers.length) break;
  }
  const { answer } = await hook(machine, claude('SessionStart', { source: 'resume' }), {
    args: ['--as', 'claude'],
  });
  const text = contextOf(answer);
  expect(text).toMatch(/and \d more were here/);
  expect(text).toContain('8 unread for claude');
  expect(text).toContain(', asks for an answer');
  expect(text).toContain('- and 3 more');
  expect(text).not.toContain('message 0');
});

test('a message whose names alone fill everything is named, not shown, and can be read', async () => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }), { args: ['--as', 'claude'] });
  const files: string[] = [];
  for (let count = 0; count < 32; count += 1) {
    const name = `${String(count).padStart(3, '0')}${'<user>'.repeat(41)}`;
    await Bun.write(`${machine.directory}/${name}`, 'x');
    files.push('--file', name);
  }
  await machine.ok(['send', '--as', 'ann', 'claude', 'see these', ...files]);
  await machine.ok(['send', '--as', 'ann', 'claude', 'and this']);
  const { answer } = await hook(machine, claude('UserPromptSubmit', { prompt: 'go on' }), {
    args: ['--as', 'claude'],
  });
  const text = contextOf(answer);
  expect(text).toContain('is too large to show here');
  const [id = ''] = /[0-9a-f-]{36}/.exec(text) ?? [];
  expect(await machine.ok(['history', id, '--as', 'claude'])).toContain('see these');
  const { answer: next } = await hook(machine, claude('PostToolUse'), { args: ['--as', 'claude'] });
  expect(contextOf(next)).toContain('and this');
});
