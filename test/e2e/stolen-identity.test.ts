/** Names, keys and secrets of others, on the compiled binary's socket: what was heard or kept opens nothing (design §5). */
import { expect, test } from 'bun:test';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rawSocket, type RawSocket } from '../support/raw-socket.ts';
import { rejection } from '../support/rejection.ts';
import { freshKey, helloParams, lineClient } from '../torture/line-client.ts';
import { wireProxy } from '../torture/kernel/wire-proxy.ts';
import { openMachine, type Machine } from './machine.ts';

const socketOf = (machine: Machine): string => join(machine.home, 'ipc.sock');
const keyOf = async (machine: Machine, name: string): Promise<string> =>
  (await readFile(join(machine.home, 'keys', name), 'utf8')).trim();
const failureIn = (frame: Record<string, unknown>): unknown =>
  (frame['error'] as { data?: { code?: string } } | undefined)?.data?.code;
const said = async (call: Promise<unknown>): Promise<string> => String(await rejection(call));

async function greet(socket: RawSocket, id: string, more: Record<string, unknown>): Promise<unknown> {
  await socket.frame({ jsonrpc: '2.0', id, method: 'rpc.hello', params: { ...helloParams({}), ...more } });
  return failureIn(await socket.answer(id));
}

interface Page {
  readonly messages: readonly { readonly body: string; readonly from: { readonly name: string } }[];
}

test('what a proxy heard of a proven session opens no other, nor does the daemon’s own proof, nor leaving it out', async () => {
  await using machine = await openMachine();
  await machine.ok(['secret', 'set', '-'], { stdin: 'correct horse battery' });
  await machine.ok(['send', 'bob', 'before']);
  // A home of the same secret and key whose socket is somebody's who listens.
  const between = join(machine.directory, 'between');
  await mkdir(between, { mode: 0o700 });
  await chmod(between, 0o700);
  using proxy = wireProxy(join(between, 'ipc.sock'), socketOf(machine));
  const env = { IPC_HOME: between, IPC_SHARED_SECRET: 'correct horse battery' };
  await machine.ok(['send', 'bob', 'overheard', '--as', 'eve'], { env });

  expect(proxy.said).toHaveLength(3);
  expect([...proxy.said, ...proxy.answered].join()).not.toContain('correct horse');
  using replayed = await rawSocket(socketOf(machine));
  for (const frame of proxy.said) await replayed.write(`${frame}\n`);
  await replayed.ended();
  expect(replayed.lines.map((line) => failureIn(JSON.parse(line) as Record<string, unknown>))).toContain(
    'secret_mismatch',
  );

  const [challenge = '{}'] = proxy.answered;
  const { proof } = (JSON.parse(challenge) as { result: { proof: string } }).result;
  using reflecting = await rawSocket(socketOf(machine));
  expect(await greet(reflecting, 'a', { nonce: 'n'.repeat(43) })).toBeUndefined();
  expect(await greet(reflecting, 'b', { proof })).toBe('secret_mismatch');
  using plain = await rawSocket(socketOf(machine));
  expect(await greet(plain, 'a', {})).toBe('secret_mismatch');
  using early = await rawSocket(socketOf(machine));
  await early.frame({ jsonrpc: '2.0', id: 1, method: 'send', params: { to: ['bob'], body: 'forged' } });
  expect(failureIn(await early.answer(1))).toBe('malformed');

  const { messages } = await machine.json<Page>(['check', '--as', 'bob']);
  expect(messages.map(({ body }) => body)).toEqual(['before', 'overheard']);
}, 60_000);

test('a new secret is asked of every new session; those that are open stay until the daemon is restarted', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const open = await lineClient(socketOf(machine), { name: 'ann', key: freshKey() });
  const told = await machine.run(['secret', 'set', '-'], { stdin: 'correct horse battery' });
  expect(told.stdout + told.stderr).toContain('ipc daemon restart');
  await open.call('send', { to: ['bob'], body: 'from a session that was open' });
  expect(await said(lineClient(socketOf(machine), {}))).toContain('secret_mismatch');
  await machine.ok(['secret', 'set', '-'], { stdin: 'another horse battery' });
  const former = await machine.run(['whoami'], { env: { IPC_SHARED_SECRET: 'correct horse battery' } });
  expect(former.code).toBe(77);
  await machine.ok(['daemon', 'restart']);
  expect(await said(open.call('whoami', {}))).toMatch(/closed|stopping/);
  const { messages } = await machine.json<Page>(['check', '--as', 'bob']);
  expect(messages.map(({ body }) => body)).toEqual(['before', 'from a session that was open']);
}, 60_000);

test('the sender is whom the key belongs to, whatever a call says', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'ann']);
  const eve = await lineClient(socketOf(machine), { name: 'eve', key: freshKey() });
  const forged = {
    from: 'ann',
    sender: { name: 'ann', kind: 'human', verified: true },
    as: 'ann',
    agent: 'ann',
  };
  await eve.call('send', { to: ['bob'], body: 'I am ann', ...forged });
  const { messages } = await machine.json<Page>(['check', '--as', 'bob']);
  expect(messages).toMatchObject([{ body: 'I am ann', from: { name: 'eve', kind: 'script' } }]);
});

test('a name with an owner is taken by no other key: not by hello, registering, renaming, borrowing or spelling', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'ann']);
  await machine.ok(['send', 'ann', 'for ann alone']);
  const [socket, key] = [socketOf(machine), freshKey()];
  for (const name of ['ann', 'ANN', '@Ann']) {
    expect(await said(lineClient(socket, { name, key }))).toContain('credential_refused');
    using raw = await rawSocket(socket);
    const borrowing = { credential: { name, key }, borrowed: true };
    expect(await greet(raw, 'a', borrowing)).toBe('credential_refused');
  }
  // The full-width letters look alike; a name has ASCII letters only.
  expect(await said(lineClient(socket, { name: 'ａnn', key }))).toContain('invalid_name');
  const eve = await lineClient(socket, { name: 'eve', key });
  expect(await said(eve.call('register', { name: 'ann', key }))).toMatch(/name_taken|credential_refused/);
  expect(await said(eve.call('rename', { name: 'Ann' }))).toContain('name_taken');
  using nobody = await rawSocket(socket);
  expect(await greet(nobody, 'a', { borrowed: true })).toBeUndefined();
  await nobody.frame({ jsonrpc: '2.0', id: 1, method: 'check', params: { reader: 'somebody' } });
  expect(failureIn(await nobody.answer(1))).toBe('not_registered');

  await machine.ok(['rename', 'anna', '--as', 'ann']);
  expect(await said(lineClient(socket, { name: 'ann', key }))).toContain('name_forwarding');
  const { messages } = await machine.json<Page>(['check', '--as', 'anna']);
  expect(messages.map(({ body }) => body)).toContain('for ann alone');
});

test('while its owner’s session lives, who borrows a name with its key only looks', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'ann']);
  const key = await keyOf(machine, 'ann');
  const owner = await lineClient(socketOf(machine), { name: 'ann', key });
  await owner.call('register', { name: 'ann', key, hold: true });
  await machine.ok(['send', 'ann', 'one']);
  const borrowed = await machine.json<Page & { peeked: boolean }>(['check', '--as', 'ann']);
  expect(borrowed).toMatchObject({ peeked: true, messages: [{ body: 'one' }] });
  const own = await owner.call<Page>('check', { reader: 'the-owner' });
  expect(own.messages.map(({ body }) => body)).toEqual(['one']);
});

test('a removed agent’s sessions act for nobody, and its key opens nothing once the name is another’s', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'bob']);
  const stolen = await keyOf(machine, 'bob');
  const open = await lineClient(socketOf(machine), { name: 'bob', key: stolen });
  await machine.ok(['agent', 'remove', 'bob', '--force', '--yes']);
  expect(await said(open.call('send', { to: ['ann'], body: 'still here' }))).toContain('not_registered');
  expect(await said(open.call('check', { reader: 'the-thief' }))).toContain('not_registered');
  // The name begins anew, with a key of its own.
  await machine.ok(['check', '--as', 'bob']);
  expect(await keyOf(machine, 'bob')).not.toBe(stolen);
  await machine.ok(['send', 'bob', 'for the new one']);
  expect(await said(lineClient(socketOf(machine), { name: 'bob', key: stolen }))).toContain(
    'credential_refused',
  );
  expect(await said(open.call('register', { name: 'bob', key: stolen }))).toMatch(
    /name_taken|name_live|refused/,
  );
  const { messages } = await machine.json<Page>(['check', '--as', 'bob']);
  expect(messages.map(({ body }) => body)).toEqual(['for the new one']);
});
