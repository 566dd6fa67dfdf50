/** A daemon that is killed right after it began the write-ahead log anew: a header of the new round, frames of the old one. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { openSql } from '../../src/store/engine/connection.ts';
import { openStore } from '../../src/store/open.ts';
import { openTown } from '../contract/town.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

const HEADER = 32;

let home: TestHome;
beforeEach(async () => {
  home = await temporaryHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** The files as that kill leaves them; what was acknowledged is one message for bob. */
async function killedAtTheHeader(): Promise<{ path: string; log: Buffer }> {
  const path = home.paths.database;
  const kept = (of: string): string => `${path}${of}.kept`;
  const town = await openTown(() => openStore({ path }));
  const ann = await town.agent('ann');
  await town.send(ann, 'bob', 'acknowledged');
  const frames = readFileSync(`${path}-wal`).subarray(HEADER);
  copyFileSync(`${path}.mark`, kept('.mark'));
  const sql = openSql(path);
  sql.all('PRAGMA wal_checkpoint(RESTART)');
  copyFileSync(path, kept(''));
  // Whoever writes next begins the log anew, and is killed after the first of its writes.
  await town.send(ann, 'bob', 'never acknowledged');
  const header = readFileSync(`${path}-wal`).subarray(0, HEADER);
  sql.close();
  const log = Buffer.concat([header, frames]);
  await town[Symbol.asyncDispose]();
  for (const of of ['', '.mark']) copyFileSync(kept(of), `${path}${of}`);
  writeFileSync(`${path}-wal`, log);
  return { path, log };
}

test('is followed by one that finds everything', async () => {
  const { path } = await killedAtTheHeader();
  await using town = await openTown(() => openStore({ path }));
  expect(await town.take(await town.agent('bob'))).toEqual(['acknowledged']);
});

test('is told from a log whose header cannot be believed', async () => {
  const { path, log } = await killedAtTheHeader();
  log[20] = (log[20] ?? 0) ^ 1;
  writeFileSync(`${path}-wal`, log);
  expect(await rejection(openStore({ path }))).toMatchObject({ code: 'store_damaged' });
});
