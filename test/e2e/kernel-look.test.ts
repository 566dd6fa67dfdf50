/** Looking at kernels: every way of it by command and by tool, and what each says where there is nothing. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { kernelMcp, missing, openKernelMachine } from './kernel-machine.ts';
import type { Result } from './machine.ts';

const real = describe.skipIf(missing !== undefined);

real('by command', () => {
  test('variables, one of them, what could follow, what ran, and where a kernel is', async () => {
    await using town = await openKernelMachine();
    const ann = (...args: string[]): Promise<Result> => town.machine.run(['kernel', ...args], town.as('ann'));
    const said = async (...args: string[]): Promise<string> => (await ann(...args)).stdout;
    expect(await said('list')).toBe('no live kernel; ipc kernel start makes one\n');
    expect(await said('specs')).toContain('python3');
    const { connectionFile } = await town.start();
    expect(await said('variables', 'py')).toBe('no variables yet\n');
    expect(await said('history', 'py')).toBe('nothing was run here yet\n');
    await town.cell("answer = 42\nanimals = ['ant', 'bee']");
    await town.cell('1 / 0');

    const rows = await said('variables', 'py');
    expect(rows).toMatch(/answer +int +42/);
    expect(rows).toMatch(/animals +list/);
    expect(await said('inspect', 'py', 'animals')).toBe("animals (list)\n['ant', 'bee']\n");
    expect((await said('complete', 'py', 'anim')).split('\n')).toContain('animals');
    expect(await said('complete', 'py', 'answer.bit_l')).toContain('bit_length');
    const history = await said('history', 'py');
    expect(history).toContain('py-1 ann');
    expect(history).toContain('ZeroDivisionError: division by zero');
    expect(await said('history', 'py', '--search', 'animals')).not.toContain('ZeroDivisionError');
    expect(await said('status', 'py')).toContain('idle');
    const listed = await said('list');
    expect(listed).toContain('attached');
    expect(listed).toContain(connectionFile);
  });

  test('what is not there, or cannot be looked at, is said with what helps', async () => {
    await using town = await openKernelMachine();
    const ann = (...args: string[]): Promise<Result> => town.machine.run(['kernel', ...args], town.as('ann'));
    const refusals: [readonly string[], number, string][] = [
      [['inspect', 'py', 'nothing'], 64, 'wanted the variable nothing; there is none'],
      [['inspect', 'py', 'a.b()'], 64, 'wanted the name of a variable; found "a.b()"'],
      [['input', 'py-1', 'yes'], 66, 'wanted an execution that waits at input(), found py-1'],
      [['input', 'py-77', 'yes'], 66, 'wanted an execution that waits at input(), found py-77'],
      [['result', 'py-77'], 66, 'wanted an execution of py, found py-77'],
      [['variables', 'r'], 67, 'nobody has that name'],
      [['variables', 'ann'], 67, 'it is of kind'],
      [['connect', 'gone.json'], 66, 'gone.json'],
      [['connect', join(town.machine.directory, 'broken.json')], 65, 'broken.json'],
    ];
    await Bun.write(join(town.machine.directory, 'broken.json'), '{"ip": "127.0.0.1"');
    expect(await ann('connect')).toMatchObject({
      code: 67,
      stderr: expect.stringContaining('wanted a live kernel; none was found'),
    });
    await town.start();
    await town.cell('1');
    for (const [args, code, words] of refusals) {
      const { code: found, stderr } = await ann(...args);
      expect([args, found, stderr.includes(words) ? words : stderr]).toEqual([args, code, words]);
    }
    const stranger = await town.machine.run(['kernel', 'restart', 'py'], town.as('eve'));
    expect(stranger).toMatchObject({ code: 77, stderr: expect.stringContaining('wanted') });
    const long = await town.machine.run(['kernel', 'run', 'py', '-'], {
      ...town.as('ann'),
      stdin: `#${'x'.repeat(70_000)}\n1`,
    });
    expect([long.code, long.stderr.includes('wanted code of at most 64 KiB on stdin')]).toEqual([65, true]);
  });

  test('two live kernels are never guessed between', async () => {
    await using town = await openKernelMachine();
    await town.start();
    await town.machine.json(['kernel', 'start', 'second'], town.as('ann'));
    const { code, stderr } = await town.machine.run(['kernel', 'connect'], town.as('bob'));
    expect(code).toBe(67);
    expect(stderr).toMatch(/wanted one of 2 live kernels to be named: .*\((py|second) of ann\)/);
  });

  test('Ctrl-C at a cell leaves it, and says how to go on', async () => {
    await using town = await openKernelMachine();
    await town.start();
    const gate = join(town.machine.directory, 'gate');
    const code = `import os, time\nprint('begun', flush=True)\nwhile not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.02)\nprint('ended')`;
    const running = town.machine.start(['kernel', 'run', 'py', code, '--wait', '60'], town.as('ann'));
    for (;;) {
      const { executions } = await town.machine.json<{ executions: { state: string }[] }>(
        ['kernel', 'history', 'py'],
        town.as('ann'),
      );
      if (executions[0]?.state === 'running') break;
    }
    running.kill('SIGINT');
    const [status, talk] = await Promise.all([running.exited, running.stderr.text()]);
    expect([status, talk.includes('it runs on: ipc kernel history py has its id')]).toEqual([130, true]);
    await Bun.write(gate, '');
    const result = await town.machine.ok(['kernel', 'result', 'py-1', '--wait', '20'], town.as('ann'));
    expect(result).toContain('ended');
  });
});

real('by tool', () => {
  test('kernel_look and kernel_manage say the same', async () => {
    await using town = await openKernelMachine();
    await using ann = await kernelMcp(town, 'ann');
    expect(await ann.text('kernel_look', { what: 'list' })).toContain('no live kernel');
    expect(await ann.text('kernel_look', { what: 'specs' })).toContain('python3');
    await ann.text('kernel_manage', { action: 'start', kernel: 'py' });
    await ann.text('kernel_execute', { code: "word = 'found'" });
    expect(await ann.text('kernel_look', { what: 'inspect', of: 'word' })).toBe("word (str)\n'found'");
    expect(await ann.refused('kernel_look', { what: 'inspect' })).toContain(
      'wanted of, the name of a variable',
    );
    expect(await ann.refused('kernel_look', { what: 'inspect', of: 'gone' })).toContain('there is none');
    expect(await ann.text('kernel_look', { what: 'history', of: 'word' })).toContain('py-1 ann');
    expect(await ann.text('kernel_look', { what: 'status' })).toContain('idle');
    expect(await ann.refused('kernel_manage', { action: 'allow' })).toContain('wanted names');
    expect(await ann.text('kernel_manage', { action: 'allow', names: ['bob'] })).toContain(
      'bob may execute on py',
    );
    expect(await ann.text('kernel_manage', { action: 'restart' })).toContain('py is new');
    expect(await ann.refused('kernel_execute', { code: 'word' })).toContain('NameError');
    expect(await ann.text('kernel_manage', { action: 'disconnect' })).toContain('py is left alone and alive');
    expect(await ann.text('kernel_manage', { action: 'connect' })).toContain('py');
    expect(await ann.text('kernel_manage', { action: 'shutdown' })).toContain('py: ');
    expect(await ann.text('kernel_look', { what: 'list' })).toContain('no live kernel');
  });
});
