import { expect, test } from 'bun:test';
import { sessionSecret } from '../../src/system/secret.ts';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

const who = async (): Promise<unknown> => ({ agents: [] });
/** What both sides prove when a pipe is between them; here it is a socket, whose place makes no difference. */
const keyOf = (home: TestHome, shared?: string) => (): string | undefined =>
  sessionSecret(home.paths, {
    ...home.environment,
    platform: 'win32',
    variables: shared === undefined ? {} : { IPC_SHARED_SECRET: shared },
  });

test('client and daemon of one home know each other by its key', async () => {
  await using home = await temporaryHome();
  await using _fake = fakeServer(home, { who }, { secret: keyOf(home) });
  const client = clientOf(home, { secret: keyOf(home) });
  expect(await client.operations.who({})).toEqual({ agents: [] });
  await client.close();
});

test('a daemon that has the pipe’s name and another key hears no credential', async () => {
  await using home = await temporaryHome();
  await using other = await temporaryHome();
  await using squatter = fakeServer(home, { who }, { secret: keyOf(other) });
  const client = clientOf(home, { secret: keyOf(home) });
  const failure = await rejection(client.operations.who({}));
  expect(failure).toMatchObject({ code: 'secret_mismatch', exit: 77 });
  expect(String(failure)).toContain('told nothing');
  expect(squatter.openings).toEqual([]);
  await client.close();
});

test('a daemon that asks for nothing is no daemon of a home with a key', async () => {
  await using home = await temporaryHome();
  await using squatter = fakeServer(home, { who });
  const client = clientOf(home, { secret: keyOf(home) });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'secret_mismatch' });
  expect(squatter.openings).toEqual([]);
  await client.close();
});

test.each([
  ['without the key', (): undefined => undefined],
  ['with the shared secret alone', () => 'opensesame'],
])('a caller %s is let nowhere in', async (_how, secret) => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: keyOf(home, 'opensesame') });
  const client = clientOf(home, { secret });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'secret_mismatch' });
  expect(fake.openings).toEqual([]);
  await client.close();
});

test('with a shared secret set, the key alone is not enough', async () => {
  await using home = await temporaryHome();
  await using fake = fakeServer(home, { who }, { secret: keyOf(home, 'opensesame') });
  const client = clientOf(home, { secret: keyOf(home) });
  expect(await rejection(client.operations.who({}))).toMatchObject({ code: 'secret_mismatch' });
  const both = clientOf(home, { secret: keyOf(home, 'opensesame') });
  expect(await both.operations.who({})).toEqual({ agents: [] });
  expect(fake.openings).toHaveLength(1);
  await client.close();
  await both.close();
});
