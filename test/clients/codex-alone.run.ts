/**
 * What Codex itself does, with hooks of one line and nothing of ours: if these fail, the doors cannot work,
 * whatever we wrote.
 */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { codexStage } from './codex.ts';
import { realProgram } from './installed.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('codex');

realTest(
  'a queued message wakes an idle session, and what approved hooks add is in the requests',
  async () => {
    await using stage = await codexStage(command);
    const { machine, model } = stage;
    const thread = join(machine.userHome, 'thread');
    await Bun.write(join(stage.folder, 'hooks.json'), JSON.stringify({ hooks: hooks(thread) }));
    await stage.approveHooks();
    model.when('hello model', call('exec_command', { cmd: 'echo done it' }), say('hello person'));

    stage.start(['hello model']);
    expect((await model.sees('hello model')).fresh).toContain('CONTEXT OF SessionStart');
    expect((await model.sees('CONTEXT OF PostToolUse')).fresh).toContain('done it');

    const { session_id: id } = (await Bun.file(thread).json()) as { session_id: string };
    await stage.run(['queue', '--thread', id, '--message', 'A MESSAGE IN THE QUEUE']);
    expect((await model.sees('A MESSAGE IN THE QUEUE')).fresh).toContain('CONTEXT OF UserPromptSubmit');
    expect(model.timesShown('A MESSAGE IN THE QUEUE')).toBe(1);
  },
);

function hooks(thread: string): Readonly<Record<string, unknown>> {
  const add = (event: string, input: string): readonly [string, unknown] => {
    const output = { hookSpecificOutput: { hookEventName: event, additionalContext: `CONTEXT OF ${event}` } };
    const script = `cat > '${input}'; echo '${JSON.stringify(output)}'`;
    return [event, [{ hooks: [{ type: 'command', command: script }] }]];
  };
  return Object.fromEntries([
    add('SessionStart', thread),
    add('UserPromptSubmit', '/dev/null'),
    add('PostToolUse', '/dev/null'),
  ]);
}
