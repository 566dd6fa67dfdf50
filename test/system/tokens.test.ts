/** Tokens of the HTTP door as files of the home. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readFile, stat } from 'node:fs/promises';
import { parseOwnName } from '../../src/protocol/names.ts';
import {
  createToken,
  defaultToken,
  listTokens,
  openTokens,
  renameInTokens,
  revokeToken,
} from '../../src/system/tokens.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';

const NOW = Date.parse('2026-08-22T12:00:00Z');
const [ann, bob] = [parseOwnName('ann'), parseOwnName('bob')];

let home: TestHome;
beforeEach(async () => {
  home = await temporaryHome();
});
afterEach(() => home[Symbol.asyncDispose]());

test('a token opens for whom it was made, and what it is kept as opens nothing', async () => {
  const { secret, token } = await createToken(home.paths, { agent: ann, scopes: ['send'], now: NOW });
  const book = openTokens(home.paths);
  expect(book.find(secret, NOW)).toEqual(token);
  const text = await readFile(home.paths.tokens, 'utf8');
  expect(text).not.toContain(secret);
  const { hash = '' } = /"hash": "(?<hash>\w+)"/.exec(text)?.groups ?? {};
  expect(book.find(hash, NOW)).toBeUndefined();
  expect((await stat(home.paths.tokens)).mode & 0o777).toBe(0o600);
});

test('a book that is open sees what is made, revoked and renamed later', async () => {
  const book = openTokens(home.paths);
  expect(book.find('ipc_none', NOW)).toBeUndefined();
  const { secret, token } = await createToken(home.paths, { agent: ann, scopes: ['send'], now: NOW });
  expect(book.find(secret, NOW)?.agent).toBe(ann);
  await renameInTokens(home.paths, parseOwnName('ANN'), bob);
  expect(book.find(secret, NOW)?.agent).toBe(bob);
  expect(await revokeToken(home.paths, token.id)).toMatchObject({ id: token.id });
  expect([book.find(secret, NOW), book.holds(token.id, NOW)]).toEqual([undefined, false]);
  expect(await revokeToken(home.paths, token.id)).toBeUndefined();
});

test('a token ends at its time', async () => {
  const wish = { agent: ann, scopes: ['read'], now: NOW, expiresAt: NOW + 1_000 } as const;
  const { secret, token } = await createToken(home.paths, wish);
  const book = openTokens(home.paths);
  expect(book.find(secret, NOW + 999)).toBeDefined();
  expect([book.find(secret, NOW + 1_000), book.holds(token.id, NOW + 1_000)]).toEqual([undefined, false]);
});

test('twenty made at once are all kept', async () => {
  const wish = { agent: ann, scopes: ['send'], now: NOW } as const;
  const made = await Promise.all(Array.from({ length: 20 }, () => createToken(home.paths, wish)));
  expect(
    listTokens(home.paths)
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(made.map(({ token }) => token.id).toSorted());
});

test('the default token is made once, and again when either half of it is gone', async () => {
  const wish = { agent: ann, scopes: ['send'], now: NOW } as const;
  const first = await defaultToken(home.paths, wish);
  expect(await defaultToken(home.paths, wish)).toEqual(first);
  await revokeToken(home.paths, first.token.id);
  const second = await defaultToken(home.paths, wish);
  expect(second.secret).not.toBe(first.secret);
  await Bun.write(home.paths.defaultToken, 'something else\n');
  const third = await defaultToken(home.paths, wish);
  expect(openTokens(home.paths).find(second.secret, NOW)).toBeUndefined();
  expect(openTokens(home.paths).find(third.secret, NOW)).toBeDefined();
  expect(listTokens(home.paths)).toHaveLength(1);
});

test.each([
  '{',
  '[]',
  '{"tokens":[{"id":"x"}]}',
  '{"tokens":[{"id":"x","agent":"../y","scopes":[],"created":"","hash":""}]}',
])('a file that says %s is refused, not taken for empty', async (text) => {
  await Bun.write(home.paths.tokens, text);
  expect(() => listTokens(home.paths)).toThrow('wanted tokens');
  expect(() => openTokens(home.paths).find('ipc_x', NOW)).toThrow('wanted tokens');
});

test('a scope of a newer version opens nothing here', async () => {
  const { secret } = await createToken(home.paths, { agent: ann, scopes: ['send'], now: NOW });
  const text = await readFile(home.paths.tokens, 'utf8');
  await Bun.write(home.paths.tokens, text.replace('"send"', '"send", "launch"'));
  expect(openTokens(home.paths).find(secret, NOW)?.scopes).toEqual(['send']);
});
