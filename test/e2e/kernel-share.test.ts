/** Several agents and one Python, through the compiled binary: state, whose cells, who may, what stops. */
import { describe, expect, test } from 'bun:test';
import type { Output } from '../../src/protocol/operations.ts';
import { missing, openKernelMachine } from './kernel-machine.ts';
import { eventually } from './machine.ts';

const real = describe.skipIf(missing !== undefined);

real('two agents and one Python', () => {
  test('share its state; each cell is known as its owner’s', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start('--allow', 'bob');
    expect(await town.cell('shared = 6')).toMatchObject({ state: 'ok', whose: 'mine', by: 'ann' });
    expect(await machine.ok(['kernel', 'run', 'py', 'shared * 7'], as('bob'))).toBe('42\n');
    const { executions } = await machine.json<Output<'kernel.history'>>(
      ['kernel', 'history', 'py'],
      as('bob'),
    );
    expect(executions.map(({ code, by, whose }) => [code, by, whose])).toEqual([
      ['shared * 7', 'bob', 'mine'],
      ['shared = 6', 'ann', 'agent'],
    ]);
    const found = await machine.ok(['kernel', 'history', 'py', '--search', '= 6'], as('bob'));
    expect(found).toContain('shared = 6');
    expect(found).not.toContain('shared * 7');
  });

  test('the second waits its turn and is told for whom; both end', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start('--allow', 'bob');
    const first = machine.start(
      ['kernel', 'run', 'py', "import time; time.sleep(1.5); print('a')"],
      as('ann'),
    );
    await eventually(async () => {
      const status = await machine.json<Output<'kernel.status'>>(['kernel', 'status', 'py'], as('bob'));
      return status.busyFor === 'ann' ? true : undefined;
    });
    const waits = await machine.run(['kernel', 'run', '--wait', '0', '--json', 'py', "'b'"], as('bob'));
    expect(waits.code).toBe(124);
    expect(JSON.parse(waits.stdout)).toMatchObject({ state: 'queued', ahead: 1 });
    const { id } = JSON.parse(waits.stdout) as { id: string };
    expect(await machine.ok(['kernel', 'result', id, '--wait', '20'], as('bob'))).toBe("'b'\n");
    expect(await first.exited).toBe(0);
  });

  test('who is not allowed is refused, by call and by message, until the owner lets them in', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const refused = await machine.run(['kernel', 'run', 'py', '1'], as('eve'));
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain('ipc kernel allow py eve');
    const sent = await machine.json<Output<'send'>>(['send', 'py', '1+1'], as('eve'));
    expect(sent.deliveries).toMatchObject([{ to: 'py', state: 'refused' }]);
    expect((await machine.run(['kernel', 'allow', 'py', 'eve'], as('eve'))).code).toBe(77);
    await machine.ok(['kernel', 'allow', 'py', 'eve'], as('ann'));
    expect(await machine.ok(['kernel', 'run', 'py', '1'], as('eve'))).toBe('1\n');
    expect((await machine.run(['kernel', 'shutdown', 'py'], as('eve'))).stderr).toContain(
      'only ann and people',
    );
    await machine.ok(['kernel', 'allow', 'py', 'eve', '--off'], as('ann'));
    expect((await machine.run(['kernel', 'run', 'py', '1'], as('eve'))).code).toBe(77);
  });

  test('a message to the kernel is a cell, and its output the reply, with a plot attached', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const code = "import matplotlib.pyplot as plt; plt.plot([1, 2]); print('drawn')";
    const { id } = await machine.json<Output<'send'>>(['send', 'py', code], as('ann'));
    const { messages } = await machine.json<Output<'check'>>(['check', '--wait=30s'], as('ann'));
    expect(messages).toMatchObject([
      { from: { name: 'py', kind: 'kernel' }, replyTo: id, attachments: [{ type: 'image/png' }] },
    ]);
    expect(messages[0]?.body).toContain('drawn');
    expect(messages[0]?.body).toContain('py-1 done');
    const receipts = await machine.json<Output<'receipts'>>(['receipts', id], as('ann'));
    expect(JSON.stringify(receipts)).toContain('"acked"');
  });

  test('whoever was to be told of a cell’s end gets a message', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const args = ['kernel', 'run', '--wait', '0', '--notify-on-end', 'bob', 'py'];
    const ran = await machine.run([...args, "import time; time.sleep(0.5); print('trained')"], as('ann'));
    expect(ran.code).toBe(124);
    const told = await machine.ok(['check', '--wait=30s'], as('bob'));
    expect(told).toContain('py-1, asked for by ann, has ended');
    expect(told).toContain('trained');
  });

  test('who shows the kernel; @all does not reach it', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const { agents } = await machine.json<Output<'who'>>(['who'], as('bob'));
    expect(agents.find(({ name }) => name === 'py')).toMatchObject({ kind: 'kernel', presence: 'online' });
    const sent = await machine.json<Output<'send'>>(['send', '@all', '1/0'], as('ann'));
    expect(sent.deliveries.map(({ to }) => to)).not.toContain('py');
  });
});

real('a cell', () => {
  test('that takes longer is a job: its output so far, an id, later the rest', async () => {
    await using town = await openKernelMachine();
    await town.start();
    const early = await town.cell(
      "import time\nfor i in range(4): print('step', i, flush=True); time.sleep(0.5)",
      '--wait',
      '0.7',
    );
    expect(early).toMatchObject({ state: 'running', id: 'py-1' });
    expect(early.stdout).toContain('step 0');
    expect(early.stdout).not.toContain('step 3');
    const late = await town.machine.json<Output<'kernel.result'>>(
      ['kernel', 'result', 'py-1', '--wait', '20'],
      town.as('ann'),
    );
    expect(late).toMatchObject({ state: 'ok', stdout: 'step 0\nstep 1\nstep 2\nstep 3\n' });
  });

  test('that is stuck is interrupted; its output and the variables stay', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const stuck = await town.cell("kept = 5\nprint('before', flush=True)\nwhile True: pass", '--wait', '0.5');
    expect(stuck.state).toBe('running');
    expect(await machine.json(['kernel', 'interrupt', 'py'], as('ann'))).toMatchObject({
      outcome: 'stopped',
    });
    const ended = await machine.run(['kernel', 'result', stuck.id, '--wait', '5', '--json'], as('ann'));
    expect(JSON.parse(ended.stdout)).toMatchObject({
      state: 'interrupted',
      stdout: 'before\n',
      error: { name: 'KeyboardInterrupt' },
    });
    expect(await town.cell('kept')).toMatchObject({ result: '5' });
  });

  test('shows its variables while it runs', async () => {
    await using town = await openKernelMachine();
    await town.start();
    await town.cell('answer = 42\nimport time; time.sleep(60)', '--wait', '0.5');
    const { variables } = await town.machine.json<Output<'kernel.variables'>>(
      ['kernel', 'variables', 'py'],
      town.as('ann'),
    );
    expect(variables).toContainEqual(expect.objectContaining({ name: 'answer', type: 'int', value: '42' }));
    const looked = await town.machine.ok(['kernel', 'inspect', 'py', 'answer'], town.as('ann'));
    expect(looked).toContain('42');
    expect(await town.machine.json(['kernel', 'status', 'py'], town.as('ann'))).toMatchObject({
      state: 'busy',
      busyFor: 'ann',
      running: 'py-1',
      control: true,
    });
  });

  test('that prints much is shown with head and tail, and read whole in ranges', async () => {
    await using town = await openKernelMachine();
    await town.start();
    const cut = await town.cell("for i in range(100_000): print('line', i)", '--most', '1000');
    expect(cut.stdout.length).toBeLessThan(1_200);
    expect(cut.stdout).toStartWith('line 0\n');
    expect(cut.stdout).toEndWith('line 99999\n');
    expect(cut.whole?.bytes).toBe(1_088_890);
    const args = ['kernel', 'result', cut.id, '--from', '1088879', '--bytes', '100'];
    expect(await town.machine.ok(args, town.as('ann'))).toBe('line 99999\n');
  });

  test('may ask for input only when that was said, and goes on with the answer', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    expect(await town.cell("input('name? ')")).toMatchObject({
      state: 'error',
      error: { name: 'StdinNotImplementedError' },
    });
    const asks = await town.cell("'hello ' + input('name? ')", '--ask-input');
    expect(asks).toMatchObject({ state: 'running', asks: { prompt: 'name? ', password: false } });
    await machine.ok(['kernel', 'input', asks.id, 'bob'], as('ann'));
    expect(await machine.ok(['kernel', 'result', asks.id, '--wait', '5'], as('ann'))).toBe("'hello bob'\n");
  });

  test('that fails keeps what it printed before, and its traceback, without a code of a terminal (K4, K6)', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    const ran = await machine.run(['kernel', 'run', 'py', "print('before'); 1/0"], as('ann'));
    expect(ran.code).toBe(1);
    expect(ran.stdout).toStartWith('before\n');
    expect(ran.stdout).toContain('ZeroDivisionError');
    expect(ran.stdout).not.toContain('\u001B');
  });
});

real('a question of a cell', () => {
  test('that nobody waits for goes to whoever asked for the cell, as a message', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    await town.cell(
      "import time; time.sleep(0.5); 'it is ' + input('which? ')",
      '--ask-input',
      '--wait',
      '0',
    );
    expect(await machine.ok(['check', '--wait=10s'], as('ann'))).toContain('ipc kernel input py-1');
    await machine.ok(['kernel', 'input', 'py-1', 'this'], as('ann'));
    expect(await machine.ok(['kernel', 'result', 'py-1', '--wait', '5'], as('ann'))).toBe("'it is this'\n");
  });

  test('asked of the kernel with ipc ask is answered like any other', async () => {
    await using town = await openKernelMachine();
    await town.start();
    expect(await town.machine.ok(['ask', 'py', '6 * 7', '--timeout', '20'], town.as('ann'))).toStartWith(
      '42\n',
    );
  });
});

real('a kernel is found', () => {
  test('in the list, with its owner; connect takes the only one and asks among several', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    await town.start();
    await machine.ok(['kernel', 'start', 'second', '--private'], as('bob'));
    const { kernels } = await machine.json<Output<'kernel.list'>>(['kernel', 'list'], as('ann'));
    expect(kernels.map(({ name, owner, hosted }) => [name, owner, hosted]).toSorted()).toEqual([
      ['py', 'ann', true],
      ['second', 'bob', true],
    ]);
    const choice = await machine.run(['kernel', 'connect'], as('ann'));
    expect(choice.code).toBe(67);
    expect(choice.stderr).toContain('wanted one of 2 live kernels');
    await machine.ok(['kernel', 'shutdown', 'second'], as('bob'));
    expect(await machine.ok(['kernel', 'connect'], as('bob'))).toContain('ann attached it already');
  });

  test('by the file that the environment names, for start and for connect; the argument goes first', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const { connectionFile } = await town.start();
    const { env } = as('ann');
    const named = { env: { ...env, IPC_KERNEL_CONNECTION: connectionFile } };
    const live = await machine.run(['kernel', 'start', 'other'], named);
    expect(live.code).toBe(65);
    expect(live.stderr).toContain(`ipc kernel connect ${connectionFile}`);
    const missingFile = await machine.run(['kernel', 'connect', '/nowhere/kernel-1.json'], named);
    expect(missingFile.code).toBe(66);
    expect(await machine.ok(['kernel', 'connect'], named)).toContain(connectionFile);
  });

  test('a person’s cells, run by Jupyter’s own client, are in the history as another’s', async () => {
    await using town = await openKernelMachine();
    const { machine, as } = town;
    const { connectionFile } = await town.start();
    const script = `
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=20)
client.execute_interactive("from_person = 44; print('hello')", timeout=20)
client.stop_channels()
`;
    const person = Bun.spawnSync(['/usr/bin/python3', '-c', script, connectionFile], { env: as('x').env });
    expect(person.stderr.toString()).toBe('');
    expect(await town.cell('from_person + 1')).toMatchObject({ result: '45' });
    const { executions } = await machine.json<Output<'kernel.history'>>(
      ['kernel', 'history', 'py'],
      as('ann'),
    );
    expect(executions.at(-1)).toMatchObject({ whose: 'other', state: 'ok', stdout: 'hello\n' });
    expect(executions.at(-1)?.code).toContain('from_person = 44');
  });

  test('with --autoreload an edited module is loaded anew', async () => {
    await using town = await openKernelMachine();
    const { machine } = town;
    await town.start('--autoreload');
    const file = `${machine.directory}/helper_of_test.py`;
    await Bun.write(file, 'def answer(): return 1\n');
    expect(await town.cell('import helper_of_test; helper_of_test.answer()')).toMatchObject({ result: '1' });
    await Bun.write(file, 'def answer(): return 12345\n');
    expect(await town.cell('helper_of_test.answer()')).toMatchObject({ result: '12345' });
  });
});
