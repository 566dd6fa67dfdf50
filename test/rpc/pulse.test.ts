/** Whether a daemon that owes an answer still lives. */
import { expect, test } from 'bun:test';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';
import { until } from '../support/until.ts';

const SILENCE_MS = 60;

/** Lets as much time pass as ends a call to a silent daemon several times over. */
async function longSilence(): Promise<void> {
  const end = performance.now() + 6 * SILENCE_MS;
  await until(() => performance.now() > end, 'the time to pass');
}

test('a daemon that works long on an answer is alive: it is waited for', async () => {
  await using home = await temporaryHome();
  const answer = Promise.withResolvers<unknown>();
  await using _fake = fakeServer(home, { who: () => answer.promise });
  const client = clientOf(home, { silenceMs: SILENCE_MS });
  const asked = client.operations.who({});
  await longSilence();
  answer.resolve({ agents: [] });
  expect(await asked).toEqual({ agents: [] });
  await client.close();
});

/** Greets, then answers as it is told; `mute` is a daemon that was stopped: it takes what comes, and says nothing. */
function daemonOf(socket: string) {
  const state = { mute: false, methods: [] as string[], later: [] as (() => void)[] };
  const listener = Bun.listen({
    unix: socket,
    socket: {
      data: (to, chunk) => {
        for (const line of chunk.toString().trimEnd().split('\n')) {
          const { id, method } = JSON.parse(line) as { id: number; method: string };
          state.methods.push(method);
          if (id === undefined) continue;
          const result = method === 'rpc.hello' ? { version: '99.0.0', protocol: 1, pid: 1 } : { agents: [] };
          const error = { code: -32601, message: 'no such method' };
          const say = (): void =>
            void to.write(
              `${JSON.stringify({ jsonrpc: '2.0', id, ...(method === 'rpc.ping' ? { error } : { result }) })}\n`,
            );
          if (state.mute) state.later.push(say);
          else if (method === 'search') state.later.push(say);
          else say();
        }
      },
    },
  });
  return { state, stop: () => listener.stop(true) };
}

test('an older daemon does not know what it is asked, and shows by that that it lives', async () => {
  await using home = await temporaryHome();
  const { state, stop } = daemonOf(home.paths.socket);
  const client = clientOf(home, { silenceMs: SILENCE_MS });
  const asked = client.operations.search({ query: 'x' });
  await longSilence();
  expect(state.methods.filter((method) => method === 'rpc.ping').length).toBeGreaterThan(1);
  for (const say of state.later) say();
  await asked;
  await client.close();
  stop();
});

test('a daemon that falls silent ends the calls that wait for it, and not the connection', async () => {
  await using home = await temporaryHome();
  const { state, stop } = daemonOf(home.paths.socket);
  const client = clientOf(home, { silenceMs: SILENCE_MS });
  await client.operations.who({});
  state.mute = true;
  const refused = await Promise.all([
    rejection(client.operations.who({})),
    rejection(client.operations.send({ to: ['bob'], body: 'x' })),
  ]);
  for (const failure of refused)
    expect(failure).toMatchObject({ code: 'daemon_unavailable', details: { silent: true } });
  expect(String(refused[1])).toContain('may be stored all the same');
  // It goes on: late answers belong to nobody, and the next call is answered on the same connection.
  state.mute = false;
  for (const say of state.later) say();
  expect(await client.operations.who({})).toEqual({ agents: [] });
  expect(state.methods.filter((method) => method === 'rpc.hello')).toHaveLength(1);
  expect(state.methods.filter((method) => method === 'rpc.cancel').length).toBeGreaterThanOrEqual(2);
  await client.close();
  stop();
});
