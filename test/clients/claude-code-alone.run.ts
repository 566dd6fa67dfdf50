/**
 * What Claude Code itself does, with a plugin of three lines and nothing of ours: if these fail, the doors
 * cannot work, whatever we wrote.
 */
import { expect } from 'bun:test';
import { join } from 'node:path';
import { claudeStage } from './claude-code.ts';
import { realProgram } from './installed.ts';
import { call, say } from './scripted-model.ts';

const { command, realTest } = await realProgram('claude');

realTest('a monitor wakes an idle session, and what hooks add is in the requests', async () => {
  await using stage = await claudeStage(command);
  const { machine, model } = stage;
  const line = join(machine.userHome, 'line');
  const folder = await probe(join(machine.userHome, 'probe'), line);
  model.when('hello model', call('Bash', { command: 'true', description: 'nothing' }), say('hello person'));

  const session = await stage.start(['--plugin-dir', folder]);
  await session.prompt('hello model');
  expect((await model.sees('hello model')).fresh).toContain('AT THE START');
  expect((await model.sees('AFTER IT')).fresh).toContain('completed with no output');

  // Its turn is over: the model has said its last word, and nobody types.
  await Bun.write(line, 'A LINE OF A MONITOR\n');
  const woken = await model.sees('A LINE OF A MONITOR');
  expect(woken.fresh).toContain('<event>A LINE OF A MONITOR</event>');
  expect(model.timesShown('A LINE OF A MONITOR')).toBe(1);
});

async function probe(folder: string, line: string): Promise<string> {
  const hook = (event: string, text: string): unknown => {
    const output = { hookSpecificOutput: { hookEventName: event, additionalContext: text } };
    return [{ hooks: [{ type: 'command', command: `echo '${JSON.stringify(output)}'` }] }];
  };
  const monitor = `until cat '${line}' 2>/dev/null; do sleep 0.1; done; sleep 600`;
  const files = {
    '.claude-plugin/plugin.json': { name: 'probe', version: '1.0.0', description: 'a probe' },
    'monitors/monitors.json': [{ name: 'probe', command: monitor, description: 'probe', when: 'always' }],
    'hooks/hooks.json': {
      hooks: {
        SessionStart: hook('SessionStart', 'AT THE START'),
        PostToolUse: hook('PostToolUse', 'AFTER IT'),
      },
    },
  };
  for (const [name, content] of Object.entries(files)) {
    await Bun.write(join(folder, name), JSON.stringify(content));
  }
  return folder;
}
