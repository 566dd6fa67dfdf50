/** The copy of another system's file is taken when that is at rest, or not at all. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { privateCopy } from '../../src/cli/import/private-copy.ts';
import { claudeIpcMcp } from '../support/old-systems.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

let home: TestHome;
let file: string;
const staging = (): string => home.paths.staging;

beforeEach(async () => {
  home = await temporaryHome();
  mkdirSync(join(home.path, 'old'));
  file = join(home.path, 'old/messages.db');
  claudeIpcMcp(file, [{}]);
});
afterEach(async () => {
  await home[Symbol.asyncDispose]();
});

test('one that is written to all the time is left alone, and nothing of it stays behind', async () => {
  // A clock by which the last write is always a moment ago.
  const now = (): number => statSync(file).mtimeMs + 10;
  expect(await rejection(privateCopy(file, { staging: staging(), now }))).toMatchObject({
    code: 'busy',
    hint: `ipc import ${file}`,
  });
  expect(readdirSync(staging())).toEqual([]);
}, 20_000);

test('one that changes while it is copied is copied again', async () => {
  let looks = 0;
  const now = (): number => {
    looks += 1;
    // Asked once for each of the three files, before the copy.
    if (looks === 3) appendFileSync(file, 'x');
    return Date.now() + 1_000;
  };
  using copy = await privateCopy(file, { staging: staging(), now });
  expect(readFileSync(copy.path)).toEqual(readFileSync(file));
  expect(looks).toBeGreaterThan(3);
});

test('what is dated ahead of the clock is at rest too, and a log beside it comes along', async () => {
  utimesSync(file, new Date('2999-01-01'), new Date('2999-01-01'));
  appendFileSync(`${file}-wal`, 'log');
  using copy = await privateCopy(file, { staging: staging(), now: () => Date.now() + 1_000 });
  expect(readFileSync(`${copy.path}-wal`, 'utf8')).toBe('log');
  expect(statSync(copy.path).mode & 0o777).toBe(0o600);
  copy[Symbol.dispose]();
  expect(readdirSync(staging())).toEqual([]);
});
