/**
 * What Gemini CLI itself does, with hooks of one line and nothing of ours: if these fail, the doors cannot
 * work, whatever we wrote.
 */
import { expect } from 'bun:test';
import { geminiStage } from './gemini.ts';
import { realProgram } from './installed.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('gemini');

realTest('what hooks add is in the requests', async () => {
  await using stage = await geminiStage(command);
  const { model } = stage;
  const settings = (await Bun.file(stage.settings).json()) as Readonly<Record<string, unknown>>;
  await Bun.write(stage.settings, JSON.stringify({ ...settings, hooks: hooks() }));
  model.when('hello model', call('run_shell_command', { command: 'echo done it' }), say('hello person'));

  expect(await stage.prompt('hello model')).toContain('hello person');
  const asked = await model.sees('hello model');
  expect(asked.fresh).toContain('CONTEXT OF SessionStart');
  expect(asked.fresh).toContain('CONTEXT OF BeforeAgent');
  expect((await model.sees('CONTEXT OF AfterTool')).fresh).toContain('done it');
});

function hooks(): Readonly<Record<string, unknown>> {
  const add = (event: string): readonly [string, unknown] => {
    const output = { hookSpecificOutput: { hookEventName: event, additionalContext: `CONTEXT OF ${event}` } };
    return [event, [{ hooks: [{ type: 'command', command: `echo '${JSON.stringify(output)}'` }] }]];
  };
  return Object.fromEntries([add('SessionStart'), add('BeforeAgent'), add('AfterTool')]);
}
