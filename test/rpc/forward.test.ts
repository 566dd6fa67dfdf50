/** Calls that the daemon forwards to the session that hosts a kernel: who asks, who waits, and what ends. */
import { expect, test } from 'bun:test';
import type { Client } from '../../src/rpc/client.ts';
import { Failure } from '../../src/protocol/failures.ts';
import type { IncomingCall } from '../../src/rpc/incoming-calls.ts';
import { openStore } from '../../src/store/open.ts';
import { systemClock } from '../../src/system/clock.ts';
import { keyOf, openWorld } from '../core/world.ts';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';
import { until } from '../support/until.ts';

type Answering = (call: IncomingCall) => Promise<unknown>;

async function openTown() {
  const stack = new AsyncDisposableStack();
  const home = stack.use(await temporaryHome());
  const store = await openStore({ path: ':memory:' });
  stack.defer(() => store.close());
  const world = openWorld(store);
  const clock = systemClock();
  const waits: { run: () => void; milliseconds: number }[] = [];
  stack.use(
    fakeServer(
      home,
      {},
      {
        open: (opening) => world.broker.open(opening),
        after: (milliseconds, run) => {
          const wait = { milliseconds, run };
          waits.push(wait);
          const callOff = milliseconds < 5_000 ? clock.after(milliseconds, run) : () => undefined;
          return () => {
            callOff();
            waits.splice(waits.indexOf(wait), 1);
          };
        },
      },
    ),
  );
  const client = (name: string, kind: 'human' | 'agent'): Client => {
    const made = clientOf(home, {
      caller: { client: 'test', kind, pid: 1 },
      credential: { name, key: keyOf(name) },
    });
    stack.defer(() => made.close());
    return made;
  };
  const host = async (name: string, answer: Answering): Promise<Client> => {
    const made = clientOf(home, {
      caller: { client: 'kernel', kind: 'kernel', pid: 1 },
      credential: undefined,
      serve: async (call) => ({ value: await answer(call) }),
    });
    stack.defer(() => made.close());
    const executors = ['ann'];
    await made.operations.register({ name, key: keyOf(name), kind: 'kernel', hold: true, executors });
    return made;
  };
  return { client, host, waits, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('the host gets the call with its defaults filled in, and who asks; its answer comes back', async () => {
  await using town = await openTown();
  const calls: unknown[] = [];
  await town.host('py', async ({ method, params }) => {
    calls.push([method, params]);
    return { kernel: 'py', variables: [], more: 0, how: 'control' };
  });
  const answer = await town.client('ann', 'agent').operations['kernel.variables']({});
  expect(answer).toEqual({ kernel: 'py', variables: [], more: 0, how: 'control' });
  const asker = { name: 'ann', kind: 'agent', verified: true, client: 'test' };
  expect(calls).toEqual([['kernel.variables', { asker, input: { limit: 100 } }]]);
});

test('a failure of the host is the caller’s, word for word; an execution’s id leads to its kernel', async () => {
  await using town = await openTown();
  await town.host('py', async () => {
    throw new Failure('no_such_execution', 'no execution py-9', { hint: 'ipc kernel history py' });
  });
  await town.host('r-2', async () => ({}));
  expect(
    await rejection(town.client('ann', 'agent').operations['kernel.result']({ id: 'py-9' })),
  ).toMatchObject({ code: 'no_such_execution', message: 'no execution py-9', hint: 'ipc kernel history py' });
});

test('a caller that gives up is heard by the host, and a silent host stalls nobody else', async () => {
  await using town = await openTown();
  let given = false;
  let begun = false;
  await town.host('py', ({ signal }) => {
    begun = true;
    signal.addEventListener('abort', () => (given = true));
    return Promise.withResolvers<never>().promise;
  });
  const ann = town.client('ann', 'agent');
  const stop = new AbortController();
  const waiting = rejection(ann.operations['kernel.execute']({ code: '1' }, { signal: stop.signal }));
  await until(() => begun, 'the host to be asked');
  expect((await ann.operations.whoami({})).kind).toBe('agent');
  stop.abort();
  expect(await waiting).toMatchObject({ code: 'interrupted' });
  await until(() => given, 'the host to hear that nobody waits');
});

test('a host that never answers is given up half a minute after the wait that was asked for', async () => {
  await using town = await openTown();
  await town.host('py', () => Promise.withResolvers<never>().promise);
  const waiting = rejection(town.client('ann', 'agent').operations['kernel.execute']({ code: '1', wait: 5 }));
  await until(() => town.waits.some(({ milliseconds }) => milliseconds === 35_000), 'the deadline');
  town.waits.find(({ milliseconds }) => milliseconds === 35_000)?.run();
  expect(await waiting).toMatchObject({ code: 'timed_out', hint: 'ipc kernel status py' });
});

test('a host that ends while it is asked: the caller is told so, and the call is not made again', async () => {
  await using town = await openTown();
  let times = 0;
  const host = await town.host('py', () => {
    times += 1;
    return Promise.withResolvers<never>().promise;
  });
  const ann = town.client('ann', 'agent');
  const waiting = rejection(ann.operations['kernel.execute']({ code: '1' }));
  await until(() => times === 1, 'the host to be asked');
  await host.close();
  expect(await waiting).toMatchObject({ code: 'kernel_unavailable', hint: 'ipc kernel connect py' });
  expect(times).toBe(1);
  expect(await rejection(ann.operations['kernel.status']({ kernel: 'py' }))).toMatchObject({
    code: 'kernel_unavailable',
  });
});

test('a host cannot read what is others’, nor ask another kernel', async () => {
  await using town = await openTown();
  const host = await town.host('py', async () => ({}));
  expect(await rejection(host.operations.history({}))).toMatchObject({ code: 'not_allowed' });
  expect(await rejection(host.operations['kernel.status']({}))).toMatchObject({ code: 'not_allowed' });
});

test('a host that was cut off with the daemon has a moment to come back before its callers fail', async () => {
  await using town = await openTown();
  const first = await town.host('py', async () => ({}));
  await first.close();
  const waiting = town.client('ann', 'agent').operations['kernel.complete']({ kernel: 'py', code: 'p' });
  await until(() => town.waits.some(({ milliseconds }) => milliseconds === 100), 'the call to wait');
  await town.host('py', async () => ({ matches: ['print'], start: 0, end: 1 }));
  expect(await waiting).toMatchObject({ matches: ['print'] });
});
