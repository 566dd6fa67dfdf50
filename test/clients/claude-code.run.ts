/** Claude Code after `ipc setup`: what the daily run leaves out. */
import { expect } from 'bun:test';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type ClaudeStage, claudeStage } from './claude-code.ts';
import { realProgram } from './installed.ts';
import { becomes, idle, mail, offline, online, receipt } from './mailbox.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('claude');

const handler = z.looseObject({ command: z.string(), args: z.array(z.string()), timeout: z.number() });
const plugin = z.object({ hooks: z.record(z.string(), z.array(z.object({ hooks: z.array(handler) }))) });

/** A session that is set up, has all its doors open, has spoken once and is idle. */
async function opened(
  stage: ClaudeStage,
): Promise<{ name: string; pid: number; prompt(text: string): Promise<void> }> {
  await stage.machine.ok(['setup', 'claude-code']);
  const session = await stage.start();
  const name = await online(stage.machine, 'tool', 'monitor');
  await session.prompt('hello model');
  await stage.model.sees('hello model');
  await idle(stage.machine, name);
  return { name, pid: session.pid, prompt: session.prompt };
}

realTest('a message sent while it is busy comes with the next tool result, once', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  const { name, prompt } = await opened(stage);
  const gate = join(machine.directory, 'gate');
  const wait = `until [ -e '${gate}' ]; do sleep 0.05; done; echo 'the gate is open'`;
  model.when('work on it', call('Bash', { command: wait, description: 'waits' }), say('done'));
  await prompt('work on it');
  await model.sees('work on it');

  const id = await mail(machine, name, 'while you were busy');
  // The monitor leaves a turn under way to the hooks: its line would come a second time after the turn.
  expect(await receipt(machine, id)).toBe('queued');
  expect(model.timesShown('while you were busy')).toBe(0);
  await Bun.write(gate, '');
  expect((await model.sees('while you were busy')).fresh).toContain('the gate is open');
  await idle(machine, name);
  await prompt('anything else');
  await model.sees('anything else');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('while you were busy')).toBe(1);
});

realTest('with monitor, hook and tool all open a body enters the model once', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  const { name, prompt } = await opened(stage);
  const id = await mail(machine, name, 'shown by one door');
  await model.sees('shown by one door');
  await becomes(machine, id, 'seen');

  model.when(
    'anything else',
    call('ToolSearch', { query: 'select:mcp__ipc__check' }),
    call('mcp__ipc__check', {}),
    call('Bash', { command: 'echo ran', description: 'nothing' }),
    say('no'),
  );
  await prompt('is there anything else');
  await model.sees('ran');
  await prompt('good night');
  await model.sees('good night');
  expect(model.timesShown('shown by one door')).toBe(1);
});

realTest('what waits when a session starts is announced by its sender, and shown once', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code', '--as', 'sleeper']);
  const text = `${'Please note. '.repeat(40)}\nleft for the night`;
  const id = await mail(machine, 'sleeper', text);
  expect(await receipt(machine, id)).toBe('queued');
  const session = await stage.start();
  expect(await online(machine, 'tool', 'monitor')).toBe('sleeper');
  await session.prompt('hello model');
  expect((await model.sees('hello model')).whole).toContain('1 unread');
  await model.sees('left for the night');
  await idle(machine, 'sleeper');
  await session.prompt('good night');
  await model.sees('good night');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('left for the night')).toBe(1);
});

realTest('name and mailbox survive /clear and --resume', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code']);
  const first = await stage.start();
  const name = await online(machine, 'tool', 'monitor');
  await first.prompt('hello model');
  await model.sees('hello model');

  await first.prompt('/clear');
  await first.prompt('after the clearing');
  expect((await model.sees('after the clearing')).whole).toContain(name);
  const cleared = await mail(machine, name, 'mail after the clearing');
  await model.sees('mail after the clearing');
  await becomes(machine, cleared, 'seen');
  // While a turn is under way it would only be queued.
  await idle(machine, name);
  await first.prompt('/exit');
  await first.exited;

  const waiting = await mail(machine, name, 'mail while it was away');
  const second = await stage.start(['--continue']);
  expect(await online(machine, 'tool', 'monitor')).toBe(name);
  await second.prompt('hello again');
  await model.sees('mail while it was away');
  await idle(machine, name);
  await second.prompt('good night');
  await becomes(machine, waiting, 'seen');
  expect(model.timesShown('mail while it was away')).toBe(1);
});

realTest('with monitors off the waiter wakes an idle session, each time', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code']);
  await withoutMonitor(stage);
  const session = await stage.start();
  const name = await online(machine, 'tool');
  await session.prompt('hello model');
  await model.sees('hello model');
  for (const text of ['wake up', 'and once more']) {
    await idle(machine, name);
    const id = await mail(machine, name, text);
    expect((await model.sees(text)).fresh).toContain('Stop hook');
    await becomes(machine, id, 'seen');
    expect(model.timesShown(text)).toBe(1);
  }
});

realTest('what a hook that timed out had taken comes again, marked', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code']);
  await firstHookTimesOut(stage, 'UserPromptSubmit');
  // Neither may the monitor, which would show the body before any hook does.
  await withoutMonitor(stage);
  const session = await stage.start();
  const name = await online(machine, 'tool');
  const id = await mail(machine, name, 'lost on the way');
  await session.prompt('hello model');
  await model.sees('hello model');
  expect(model.timesShown('lost on the way')).toBe(0);

  // The hook was killed, and with it its lease: the next event has it.
  const again = await model.sees('lost on the way');
  expect(again.fresh).toContain('may have been shown before');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('lost on the way')).toBe(1);
});

realTest('with the server alone a tool says once that mail waits, and check hands it over', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code']);
  const settings = Bun.file(join(machine.userHome, '.claude/settings.json'));
  const set = (await settings.json()) as Readonly<Record<string, unknown>>;
  await settings.write(JSON.stringify({ ...set, enabledPlugins: { 'ipc@ipc': false } }));
  const session = await stage.start();
  const name = await online(machine, 'tool');
  const id = await mail(machine, name, 'for whoever asks');
  model.when(
    'look it up',
    call('ToolSearch', { query: 'select:mcp__ipc__send,mcp__ipc__check' }),
    call('mcp__ipc__send', { to: 'tester', text: 'one' }),
    async (asked) => {
      await mail(machine, name, 'and one more');
      return call('mcp__ipc__send', { to: 'tester', text: 'two' })(asked);
    },
    call('mcp__ipc__send', { to: 'tester', text: 'three' }),
    async (asked) => {
      expect(await receipt(machine, id)).toBe('queued');
      return call('mcp__ipc__check', {})(asked);
    },
    say('that is all'),
  );
  await session.prompt('please look it up');
  await model.sees(`Registered as ${name}, 1 waiting`);
  await model.sees('2 unread from tester');
  await model.sees('for whoever asks');
  await becomes(machine, id, 'handed (tool)');
  expect(model.timesShown('2 unread')).toBe(1);
  expect(model.timesShown('for whoever asks')).toBe(1);
});

realTest('/mcp__ipc__get asks the model for what waits', async () => {
  await using stage = await claudeStage(command);
  const { prompt } = await opened(stage);
  await prompt('/mcp__ipc__get tester');
  expect((await stage.model.sees('Get my ipc messages')).fresh).toContain('Nothing is unread.');
});

realTest('a message wakes it although another daemon runs by now', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  const { name } = await opened(stage);
  await machine.ok(['daemon', 'stop']);
  const id = await mail(machine, name, 'from the new daemon');
  await model.sees('from the new daemon');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('from the new daemon')).toBe(1);
});

realTest('nothing of ours outlives a session that was killed', async () => {
  await using stage = await claudeStage(command);
  const { machine } = stage;
  const { name, pid } = await opened(stage);
  process.kill(pid, 'SIGKILL');
  await offline(machine, name);
});

realTest('without a terminal (claude -p) the session is told who it is and can send', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'claude-code', '--as', 'batch']);
  model.when(
    'hello model',
    call('ToolSearch', { query: 'select:mcp__ipc__send' }),
    call('mcp__ipc__send', { to: 'tester', text: 'from a batch run' }),
    say('all done'),
  );
  expect(await stage.run(['-p', 'hello model'])).toContain('all done');
  expect((await model.sees('hello model')).fresh).toContain('batch');
  expect(await machine.ok(['check'])).toContain('from a batch run');
});

/** As where plugin monitors are off; the variables that are said to turn them off do not (2.1.329). */
async function withoutMonitor({ machine }: ClaudeStage): Promise<void> {
  await Bun.write(join(machine.home, 'claude-code/ipc/monitors/monitors.json'), '[]');
}

/**
 * The first hook of an event takes its message, and finds the pipe full that its answer should go through, until
 * Claude Code has lost patience. Later ones are as they were set up.
 */
async function firstHookTimesOut({ machine }: ClaudeStage, event: string): Promise<void> {
  const file = join(machine.home, 'claude-code/ipc/hooks/hooks.json');
  const first = join(machine.userHome, 'first');
  const script = join(machine.userHome, 'slow-hook');
  const slow = `(head -c 65536 /dev/zero; exec "$@") | sleep 15`;
  await Bun.write(first, '');
  await Bun.write(script, `#!/bin/sh\nif rm '${first}' 2>/dev/null; then ${slow}; else exec "$@"; fi\n`);
  await chmod(script, 0o700);
  const set = plugin.parse(await Bun.file(file).json());
  for (const { hooks } of set.hooks[event] ?? []) {
    for (const hook of hooks) {
      hook.args = [hook.command, ...hook.args];
      hook.command = script;
      hook.timeout = 3;
    }
  }
  await Bun.write(file, JSON.stringify(set));
}
