/** Kernels over REST by the compiled binary: every row that a host answers, and who may not. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { operations, type OperationName, type Output } from '../../src/protocol/operations.ts';
import { Caller, type HttpDoor, openDoor } from './http-door.ts';
import { type KernelMachine, missing, openKernelMachine } from './kernel-machine.ts';

const real = describe.skipIf(missing !== undefined);

let town: KernelMachine;
let door: HttpDoor;
let ann: Caller;
beforeAll(async () => {
  if (missing !== undefined) return;
  town = await openKernelMachine();
  await town.start();
  door = await openDoor(town.machine);
  ann = await Caller.of(town.machine, door, 'ann', 'kernel');
}, 60_000);
afterAll(async () => {
  if (missing !== undefined) return;
  await door.stop();
  await town[Symbol.asyncDispose]();
});

type Cell = Output<'kernel.execute'>;
const post = <T = Record<string, unknown>>(name: OperationName, input: object): Promise<T> =>
  ann.done<T>(`/v1/${name}`, input);

real('every kernel operation of surface http is answered', () => {
  /** In this order, so that the last ends the kernel. */
  const questions: Readonly<Partial<Record<OperationName, () => Promise<void>>>> = {
    'kernel.execute': async () => {
      expect(await post('kernel.execute', { code: 'x = 20\nx + 1' })).toMatchObject({
        state: 'ok',
        result: '21',
        whose: 'mine',
      });
    },
    'kernel.allow': async () => {
      expect(await post('kernel.allow', { names: ['bob'] })).toMatchObject({
        owner: 'ann',
        allowed: ['bob'],
      });
    },
    'kernel.complete': async () => {
      expect(await post('kernel.complete', { code: 'pri' })).toMatchObject({
        matches: expect.arrayContaining(['print']),
      });
    },
    'kernel.history': async () => {
      const { executions } = await post<Output<'kernel.history'>>('kernel.history', { limit: 5 });
      expect(executions[0]).toMatchObject({ by: 'ann', state: 'ok' });
    },
    'kernel.inspect': async () => {
      expect(await post('kernel.inspect', { variable: 'x' })).toMatchObject({ type: 'int', text: '20' });
    },
    'kernel.variables': async () => {
      const { variables } = await post<Output<'kernel.variables'>>('kernel.variables', {});
      expect(variables).toContainEqual({ name: 'x', type: 'int', value: '20' });
    },
    'kernel.status': async () => {
      expect(await post('kernel.status', {})).toMatchObject({ state: 'idle', owner: 'ann', ours: true });
    },
    'kernel.interrupt': async () => {
      const { id } = await post<Cell>('kernel.execute', { code: 'while True: pass', wait: 0.5 });
      expect(await post('kernel.interrupt', {})).toMatchObject({ outcome: 'stopped' });
      expect(await post('kernel.result', { id, wait: 5 })).toMatchObject({ state: 'interrupted' });
    },
    'kernel.input': async () => {
      const { id } = await post<Cell>('kernel.execute', { code: 'input()', askInput: true });
      expect(await post('kernel.input', { id, value: 'yes' })).toEqual({ id });
    },
    'kernel.result': async () => {
      const { id } = await post<Cell>('kernel.execute', { code: "print('done')" });
      expect(await post('kernel.result', { id, from: 0 })).toMatchObject({ part: 'done\n' });
    },
    'kernel.restart': async () => {
      expect(await post('kernel.restart', {})).toMatchObject({ kernel: 'py' });
      expect(await post('kernel.execute', { code: 'x' })).toMatchObject({ error: { name: 'NameError' } });
    },
    'kernel.disconnect': async () => {
      expect(await post('kernel.disconnect', {})).toMatchObject({ kernel: 'py' });
      await town.machine.ok(['kernel', 'connect', 'py'], town.as('ann'));
    },
    'kernel.shutdown': async () => {
      expect(await post('kernel.shutdown', {})).toMatchObject({ ended: true });
    },
  };

  test('a token for sending runs no code, by call or by message; another agent’s runs none either', async () => {
    const sender = await Caller.of(town.machine, door, 'ann', 'send');
    expect(await sender.post('/v1/kernel.execute', { code: '1' })).toMatchObject({ status: 403 });
    expect(await sender.done('/v1/send', { to: ['py'], body: '1' })).toMatchObject({
      deliveries: [{ to: 'py', state: 'refused' }],
    });
    const eve = await Caller.of(town.machine, door, 'eve', 'kernel');
    expect(await eve.post('/v1/kernel.execute', { code: '1' })).toMatchObject({
      status: 403,
      body: { hint: 'ipc kernel allow py eve' },
    });
  });

  test('none is left out', () => {
    const rows = Object.entries(operations).filter(
      ([, { home, surfaces }]) => home === 'provider' && surfaces.includes('http'),
    );
    expect(Object.keys(questions).toSorted()).toEqual(rows.map(([name]) => name).toSorted());
  });

  test('each as it should be', async () => {
    for (const [name, question] of Object.entries(questions)) {
      const answered = await question().then(
        () => 'answered',
        (error: unknown) => String(error),
      );
      expect([name, answered]).toEqual([name, 'answered']);
    }
    // Whichever test comes next finds one again.
    await town.start();
  }, 60_000);
});
