/** Codex after `ipc setup` and a person's approval of its hooks; its queue has a file of its own. */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { type CodexStage, codexStage } from './codex.ts';
import { realProgram } from './installed.ts';
import { becomes, idle, mail, online, receipt } from './mailbox.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('codex');

async function setUp({ machine, approveHooks }: CodexStage): Promise<void> {
  await machine.ok(['setup', 'codex']);
  await approveHooks();
}

realTest('Codex is told who it is, and its model’s message reaches a shell', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  await setUp(stage);
  model.when('hello model', call('mcp__ipc__send', { to: 'tester', text: 'on my way' }), say('told them'));
  stage.start(['hello model']);
  const name = await online(machine, 'tool');
  expect((await model.sees('hello model')).fresh).toContain(`This session is the agent "${name}"`);
  await model.sees('queued for tester');
  expect(await machine.ok(['check'])).toContain('on my way');
});

realTest('a message sent while it is busy comes with the next tool result, once', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  await setUp(stage);
  const gate = join(machine.directory, 'gate');
  const wait = `until [ -e '${gate}' ]; do sleep 0.05; done; echo 'the gate is open'`;
  model.when('work on it', call('exec_command', { cmd: wait, yield_time_ms: 20_000 }), say('done'));
  const session = stage.start(['work on it']);
  const name = await online(machine, 'tool', 'hook');
  await model.sees('work on it');
  const id = await mail(machine, name, 'while you were busy');
  expect(await receipt(machine, id)).toBe('queued');
  expect(model.timesShown('while you were busy')).toBe(0);
  await Bun.write(gate, '');
  expect((await model.sees('while you were busy')).fresh).toContain('the gate is open');
  await idle(machine, name);
  await session.prompt('good night');
  await model.sees('good night');
  await becomes(machine, id, 'seen');
  expect(model.timesShown('while you were busy')).toBe(1);
});

realTest('name and mailbox survive a resume', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  await setUp(stage);
  await stage.run(['exec', '--skip-git-repo-check', 'hello model']);
  const first = await model.sees('This session is the agent');
  const [, name = ''] = /This session is the agent "([\w.-]+)"/.exec(first.fresh) ?? [];
  const id = await mail(machine, name, 'mail while it was away');
  await stage.run(['exec', '--skip-git-repo-check', 'resume', '--last', 'hello again']);
  await model.sees('mail while it was away');
  await stage.run(['exec', '--skip-git-repo-check', 'resume', '--last', 'good night']);
  await becomes(machine, id, 'seen');
  expect(model.timesShown('mail while it was away')).toBe(1);
});
