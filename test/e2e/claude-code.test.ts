/** The one run with a real client that belongs to every test run: Claude Code, after `ipc setup`, end to end. */
import { expect } from 'bun:test';
import { claudeStage } from '../clients/claude-code.ts';
import { realProgram } from '../clients/installed.ts';
import { becomes, idle, keeperOf, mail, online, receipt } from '../clients/mailbox.ts';
import { call, say } from '../clients/scripted-model.ts';

const { command, realTest } = await realProgram('claude');

realTest(
  'Claude Code is told who it is, is woken by a message, and answers a shell',
  async () => {
    await using stage = await claudeStage(command);
    const { machine, model } = stage;
    await machine.ok(['setup', 'claude-code']);
    const session = await stage.start();
    const name = await online(machine, 'tool', 'monitor');

    await session.prompt('hello model');
    const first = await model.sees('hello model');
    expect(first.fresh).toContain('SessionStart hook additional context');
    expect(first.fresh).toContain(name);

    await idle(machine, name);

    // Each door in turn is held, so that no state of the receipt can run ahead of what happened.
    const monitor = await keeperOf(machine, name, 'monitor');
    process.kill(session.pid, 'SIGSTOP');
    process.kill(monitor, 'SIGSTOP');
    const id = await mail(machine, name, 'the build is red');
    expect(await receipt(machine, id)).toBe('queued');
    process.kill(monitor, 'SIGCONT');
    await becomes(machine, id, 'offered (monitor)');
    expect(model.timesShown('the build is red')).toBe(0);
    model.when(
      'the build is red',
      call('ToolSearch', { query: 'select:mcp__ipc__send' }),
      call('mcp__ipc__send', { to: 'tester', text: 'on my way' }),
      say('told them'),
    );
    process.kill(session.pid, 'SIGCONT');
    await model.sees('the build is red');
    await becomes(machine, id, 'seen');

    await model.sees('queued for tester');
    expect(await machine.ok(['check'])).toContain('on my way');
    expect(model.timesShown('the build is red')).toBe(1);
  },
  60_000,
);
