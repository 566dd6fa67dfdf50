/** Codex after `ipc setup codex`: an idle session is woken through its queue. */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { eventually } from '../e2e/machine.ts';
import { type CodexStage, codexStage } from './codex.ts';
import { realProgram } from './installed.ts';
import { becomes, idle, mail, offline, online, receipt } from './mailbox.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('codex');

/** A session that is set up, whose hooks are approved, has spoken once and is idle. */
async function opened(stage: CodexStage, greeting = 'hello model'): Promise<string> {
  const { machine, model } = stage;
  await machine.ok(['setup', 'codex']);
  await stage.approveHooks();
  stage.start([greeting]);
  await model.sees(greeting);
  const name = await online(machine, 'tool', 'queue');
  await idle(machine, name);
  return name;
}

realTest('a message wakes an idle session through its queue, once: queued, offered, seen', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  const name = await opened(stage);
  const id = await mail(machine, name, 'wake up by the queue');
  expect(await receipt(machine, id)).toBe('queued');
  expect((await model.sees('wake up by the queue')).fresh).toContain(`${id} tester: wake up by the queue\n`);
  await becomes(machine, id, 'seen (queue)');
  expect(await machine.ok(['receipts', id])).toContain('offered by queue');
  await idle(machine, name);
  await mail(machine, name, 'and another');
  await model.sees('and another');
  await idle(machine, name);
  expect(model.timesShown('wake up by the queue')).toBe(1);
  expect(model.timesShown('and another')).toBe(1);
});

realTest('what is longer than a line comes whole beside it, and is seen when its turn is over', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  const name = await opened(stage);
  const id = await mail(machine, name, `${'long '.repeat(100)}THE VERY END`);
  const { fresh } = await model.sees('THE VERY END');
  expect(fresh).toContain('(cut; check hands it over)');
  expect(model.timesShown('THE VERY END')).toBe(1);
  await becomes(machine, id, 'seen (hook)');
});

realTest(
  'while it is busy a message comes with the next tool result, and not through the queue',
  async () => {
    await using stage = await codexStage(command);
    const { machine, model } = stage;
    const gate = join(machine.directory, 'gate');
    const wait = `until [ -e '${gate}' ]; do sleep 0.05; done; echo 'the gate is open'`;
    const name = await opened(stage);
    model.when('begin the work', call('exec_command', { cmd: wait }), say('done'));
    await mail(machine, name, 'begin the work');
    await model.sees('begin the work');
    const id = await mail(machine, name, 'while you were busy');
    await Bun.write(gate, '');
    await model.sees('while you were busy');
    await becomes(machine, id, 'seen (hook)');
    await idle(machine, name);
    expect(model.timesShown('while you were busy')).toBe(1);
  },
);

realTest('two sessions of one Codex are two agents; each is woken by its own messages', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  await opened(stage, 'hello first');
  stage.start(['hello second']);
  await model.sees('hello second');
  const names = await eventually(async () => {
    const { agents } = await machine.json<{ agents: { name: string; doors: string[]; presence: string }[] }>([
      'who',
    ]);
    const open = agents.filter(({ doors, presence }) => doors.includes('queue') && presence === 'idle');
    return open.length === 2 ? open.map(({ name }) => name) : undefined;
  }, 20_000);
  for (const name of names) await mail(machine, name, `for ${name}.`);
  for (const name of names) {
    const { whole } = await model.sees(`for ${name}.`);
    expect(names.filter((other) => whole.includes(`the agent \\"${other}\\"`))).toEqual([name]);
  }
});

realTest('nothing is queued for a session that is gone: the message stays for the next one', async () => {
  await using stage = await codexStage(command);
  const { machine, model } = stage;
  const name = await opened(stage);
  await stage.run(['app-server', 'daemon', 'stop']);
  await offline(machine, name);
  const id = await mail(machine, name, 'to nobody there');
  expect(await receipt(machine, id)).toBe('queued');
  stage.start(['resume', '--last', 'hello again']);
  await model.sees('to nobody there');
  await becomes(machine, id, 'seen (hook)');
  expect(model.timesShown('to nobody there')).toBe(1);
});
