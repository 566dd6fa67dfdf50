import { expect, test } from 'bun:test';
import { proofOf } from '../../src/system/secret.ts';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { rawSocket, type RawSocket } from '../support/raw-socket.ts';
import { rejection } from '../support/rejection.ts';

const who = async (): Promise<unknown> => ({ agents: [] });
const hello = (more: Record<string, unknown>) => ({
  protocol: { min: 1, max: 1 },
  version: '0.0.0',
  ...more,
});

async function greet(
  socket: RawSocket,
  id: string,
  more: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  await socket.frame({ jsonrpc: '2.0', id, method: 'rpc.hello', params: hello(more) });
  return socket.answer(id);
}

test('with the same secret on both sides a session is open', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: () => 'opensesame' });
  const client = clientOf(home, { secret: () => 'opensesame' });
  expect(await client.operations.who({})).toEqual({ agents: [] });
  expect(fake.openings[0]?.credential?.name).toBe('bob');
  await client.close();
});

test.each([
  ['two different secrets', 'mine', 'yours'],
  ['a secret on the caller’s side only', 'mine', undefined],
  ['a secret on the daemon’s side only', undefined, 'yours'],
])('%s are a clear refusal, and nobody is let in', async (_name, clients, daemons) => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: () => daemons });
  const client = clientOf(home, { secret: () => clients });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'secret_mismatch', exit: 77 });
  expect(fake.openings).toEqual([]);
  await client.close();
});

test('the credential leaves the client only after the daemon has proven itself', async () => {
  await using home = await temporaryHome();
  const heard: string[] = [];
  const impostor = Bun.listen({
    unix: home.paths.socket,
    socket: {
      data: (socket, chunk) => {
        heard.push(chunk.toString());
        const frame: { id: number } = JSON.parse(chunk.toString().split('\n')[0] ?? '');
        const result = { version: '0.1.0', nonce: 'n'.repeat(43), proof: 'p'.repeat(43) };
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: frame.id, result })}\n`);
      },
    },
  });
  const client = clientOf(home, { secret: () => 'opensesame' });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'secret_mismatch' });
  expect(heard.join()).not.toContain('credential');
  expect(heard.join()).not.toContain('opensesame');
  await client.close();
  impostor.stop(true);
});

test('a proof that was heard opens no other connection', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: () => 'opensesame' });
  const nonce = 'c'.repeat(43);
  using first = await rawSocket(home.paths.socket);
  const challenge = (await greet(first, 'a', { nonce }))['result'] as { nonce: string; proof: string };
  const proof = proofOf('opensesame', 'client', { client: nonce, daemon: challenge.nonce });
  expect(await greet(first, 'b', { proof })).toHaveProperty('result.version');

  using second = await rawSocket(home.paths.socket);
  await greet(second, 'a', { nonce });
  expect(await greet(second, 'b', { proof })).toMatchObject({ error: { data: { code: 'secret_mismatch' } } });
  await second.ended();

  using third = await rawSocket(home.paths.socket);
  expect(await greet(third, 'a', { proof })).toMatchObject({ error: { data: { code: 'secret_mismatch' } } });
  expect(fake.openings).toHaveLength(1);
});

test('the daemon’s own proof, thrown back at it, proves nothing', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: () => 'opensesame' });
  using socket = await rawSocket(home.paths.socket);
  const challenge = (await greet(socket, 'a', { nonce: 'c'.repeat(43) }))['result'] as { proof: string };
  expect(await greet(socket, 'b', { proof: challenge.proof })).toMatchObject({
    error: { data: { code: 'secret_mismatch' } },
  });
  expect(fake.openings).toEqual([]);
});

test('one challenge is good for one answer', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: () => 'opensesame' });
  using socket = await rawSocket(home.paths.socket);
  const nonce = 'c'.repeat(43);
  const challenge = (await greet(socket, 'a', { nonce }))['result'] as { nonce: string };
  const right = proofOf('opensesame', 'client', { client: nonce, daemon: challenge.nonce });
  await socket.write(
    ['wrong', right]
      .map((proof, index) =>
        JSON.stringify({ jsonrpc: '2.0', id: index, method: 'rpc.hello', params: hello({ proof }) }),
      )
      .join('\n') + '\n',
  );
  await socket.ended();
  expect(fake.openings).toEqual([]);
});

test('a secret that is changed counts for the next session', async () => {
  await using home = await temporaryHome();
  let secret = 'first';
  await using _fake = fakeServer(home, { who }, { secret: () => secret });
  secret = 'second';
  const late = clientOf(home, { secret: () => 'first' });
  expect(await rejection(late.operations.who({}))).toMatchObject({ code: 'secret_mismatch' });
  const current = clientOf(home, { secret: () => 'second' });
  expect(await current.operations.who({})).toEqual({ agents: [] });
  await late.close();
  await current.close();
});
