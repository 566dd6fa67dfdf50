/** Gemini CLI after `ipc setup`. Nothing wakes it while it is idle: its hooks are all the doors it has. */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { geminiStage } from './gemini.ts';
import { realProgram } from './installed.ts';
import { becomes, mail, online, receipt } from './mailbox.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('gemini');

realTest('Gemini CLI is told who it is, and its model’s message reaches a shell', async () => {
  await using stage = await geminiStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'gemini']);
  model.when('hello model', call('mcp_ipc_send', { to: 'tester', text: 'on my way' }), say('told them'));
  expect(await stage.prompt('hello model')).toContain('told them');
  expect((await model.sees('hello model')).fresh).toMatch(/This session is the agent "agent-\d+"/);
  await model.sees('queued for tester');
  expect(await machine.ok(['check'])).toContain('on my way');
});

realTest('a message sent while it is busy comes with the next tool result, once', async () => {
  await using stage = await geminiStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'gemini']);
  const gate = join(machine.directory, 'gate');
  const wait = `until [ -e '${gate}' ]; do sleep 0.05; done; echo 'the gate is open'`;
  model.when(
    'work on it',
    call('run_shell_command', { command: wait }),
    call('run_shell_command', { command: 'echo one more' }),
    say('done'),
  );
  const running = stage.prompt('work on it');
  const name = await online(machine, 'tool', 'hook');
  await model.sees('work on it');
  const id = await mail(machine, name, 'while you were busy');
  expect(await receipt(machine, id)).toBe('queued');
  await Bun.write(gate, '');
  expect((await model.sees('while you were busy')).fresh).toContain('the gate is open');
  expect(await running).toContain('done');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('while you were busy')).toBe(1);
});

realTest('name and mailbox survive a resume', async () => {
  await using stage = await geminiStage(command);
  const { machine, model } = stage;
  await machine.ok(['setup', 'gemini']);
  await stage.prompt('hello model');
  const first = await model.sees('This session is the agent');
  const [, name = ''] = /This session is the agent "([\w.-]+)"/.exec(first.fresh) ?? [];
  const id = await mail(machine, name, 'mail while it was away');
  await stage.prompt('hello again', ['--resume', 'latest']);
  await model.sees('mail while it was away');
  await stage.prompt('good night', ['--resume', 'latest']);
  await becomes(machine, id, 'seen');
  expect(model.timesShown('mail while it was away')).toBe(1);
});
