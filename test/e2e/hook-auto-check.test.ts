/** Auto-checking: the phrases of system 000, one setting for each agent (D25), limits, what hooks then do. */
import { expect, test } from 'bun:test';
import { readdir, stat } from 'node:fs/promises';
import { claude, contextOf, hook, receipt, send, SESSION } from './hook-session.ts';
import { openMachine, type Machine } from './machine.ts';

const env = { CLAUDE_CODE_SESSION_ID: SESSION };
const say = (machine: Machine, words: string) => machine.ok(['do', words], { env });
const tool = async (machine: Machine) => contextOf((await hook(machine, claude('PostToolUse'))).answer);

test('start N: during work at most every N minutes, with a prompt and at a stop at once', async () => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }));
  expect(await say(machine, 'start auto checking 5')).toContain('auto-checking every 5 minutes');
  await send(machine, 'agent-1', 'one');
  expect(await tool(machine)).toContain('one');
  const id = await send(machine, 'agent-1', 'two');
  expect(await tool(machine)).toBe('');
  expect((await receipt(machine, id))['state']).toBe('queued');
  expect(await say(machine, 'is auto checking on?')).toMatch(
    /every 5 minutes.*last check .* next in 5 minutes/,
  );
  expect(contextOf((await hook(machine, claude('Stop'))).answer)).toContain('two');
  await send(machine, 'agent-1', 'three');
  const { answer } = await hook(machine, claude('UserPromptSubmit', { prompt: 'hello' }));
  expect(contextOf(answer)).toContain('three');
});

test('it says that an idle session cannot be woken by it', async () => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }));
  for (const words of ['start auto checking', 'is auto checking on?', 'stop auto checking'])
    expect(await say(machine, words)).toContain('An idle session runs no hooks');
});

test('stop: nothing is handed over unasked, a new session is still told how many wait', async () => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }));
  expect(await say(machine, 'stop auto checking')).toContain('stopped');
  const id = await send(machine, 'agent-1', 'not now');
  for (const event of [claude('PostToolUse'), claude('UserPromptSubmit', { prompt: 'hi' }), claude('Stop')])
    expect((await hook(machine, event)).answer).toBeUndefined();
  expect((await receipt(machine, id))['state']).toBe('queued');
  const text = contextOf((await hook(machine, claude('SessionStart', { source: 'resume' }))).answer);
  expect(text).toContain('1 unread');
  expect(text).toContain('Auto-checking is off');
  expect(await machine.ok(['check'], { env })).toContain('not now');
});

test.each(['0', '61', '1.5', '-3', 'soon'])('%s is no interval', async (minutes) => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }));
  const { code, stderr } = await machine.run(['autocheck', 'start', '--', minutes], { env });
  expect(code).toBe(64);
  expect(stderr).toContain('minutes');
});

test('D25: it is kept for each agent, in the home, for its user alone, and follows a rename', async () => {
  await using machine = await openMachine();
  await hook(machine, claude('SessionStart', { source: 'startup' }));
  await machine.ok(['autocheck', 'start', '60'], { env });
  expect(await machine.ok(['autocheck', 'status', '--as', 'bob'])).toContain('at every event');
  const folder = `${machine.home}/autocheck`;
  expect(await readdir(folder)).toEqual(['agent-1']);
  expect((await stat(`${folder}/agent-1`)).mode & 0o777).toBe(0o600);
  await machine.ok(['daemon', 'restart']);
  expect(await machine.json(['autocheck', 'status'], { env })).toMatchObject({ mode: 'every', minutes: 60 });
  await machine.ok(['rename', 'nessa'], { env });
  expect(await machine.json(['autocheck', 'status'], { env })).toMatchObject({ agent: 'nessa', minutes: 60 });
});
