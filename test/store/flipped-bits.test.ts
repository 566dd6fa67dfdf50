/**
 * One bit of a store is wrong. Rows of deliveries and ids of messages have no digest, so what is handed over is asked
 * of their indexes too: nobody gets the mail of others, and nothing comes twice without a mark, before a repair or after.
 */
import { expect, test } from 'bun:test';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentId } from '../../src/core/records/agents.ts';
import { Failure } from '../../src/protocol/failures.ts';
import { openStore } from '../../src/store/open.ts';
import { rebuild } from '../../src/store/salvage/rebuild.ts';
import { systemIds } from '../../src/system/ids.ts';
import { openTown } from '../contract/town.ts';
import { temporaryHome } from '../support/home.ts';
import { chance } from '../torture/chance.ts';

const PAGE = 4_096;
const FLIPS = 400;

interface Shown {
  readonly body: string;
  readonly again: boolean;
}

/** All that bob is shown until nothing is left, or until the store says that it is damaged. */
async function readAll(path: string, bob: AgentId, shown: Shown[]): Promise<'read' | 'refused' | 'another'> {
  try {
    const town = await openTown(() => openStore({ path }));
    try {
      for (let look = 0; look < 10; look += 1) {
        const fetched = await town.fetch(bob);
        if (fetched.deliveries.length === 0) return 'read';
        shown.push(
          ...fetched.deliveries.map(({ message, attempt }) => ({ body: message.body, again: attempt > 1 })),
        );
        await town.confirm(bob, fetched);
      }
      throw new Error(`shown for ever: ${shown.at(-1)?.body}`);
    } finally {
      await town.store.close().catch(() => undefined);
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'store_damaged') throw error;
    // A delivery that leads to another message than its own.
    return /is not the one of its message/.test(error.message) ? 'another' : 'refused';
  }
}

const forBob = (shown: readonly Shown[]): string[] =>
  shown.map(({ body }) => body).filter((body) => body.startsWith('for bob'));

function wrongIn(shown: readonly Shown[]): string[] {
  const seen = new Set<string>();
  return shown.flatMap(({ body, again }) => {
    if (body.startsWith('for cyd')) return [`shown to another: ${body}`];
    const twice = body.startsWith('for bob') && seen.has(body) && !again;
    seen.add(body);
    return twice ? [`twice without a mark: ${body}`] : [];
  });
}

test(`${FLIPS} stores with one wrong bit among deliveries and messages`, async () => {
  await using home = await temporaryHome();
  const path = home.paths.database;
  const random = chance(7);
  const town = await openTown(() => openStore({ path }));
  const [ann, bob] = [await town.agent('ann'), await town.agent('bob')];
  await town.agent('cyd');
  let taken = 0;
  for (let nth = 0; nth < 30; nth += 1) {
    const words = 'word '.repeat(1 + (nth % 5));
    await town.send(ann, 'bob', `for bob ${nth} ${words}`);
    await town.send(ann, 'cyd', `for cyd ${nth} ${words}`);
    if (nth === 10) taken = (await town.take(bob)).length;
  }
  await town[Symbol.asyncDispose]();
  const waiting = 30 - taken;
  const [good, mark] = [readFileSync(path), readFileSync(`${path}.mark`)];
  const pages = Array.from({ length: good.length / PAGE }, (_, nth) => nth).filter((nth) => {
    const text = good.toString('latin1', nth * PAGE, (nth + 1) * PAGE);
    return text.includes('queued') || text.includes('for bob') || /[0-9a-f]{8}-[0-9a-f]{4}-/.test(text);
  });
  expect(pages.length).toBeGreaterThan(3);
  const target = join(home.path, 'repaired.db');
  const told = { read: 0, refused: 0, another: 0 };
  for (let flip = 0; flip < FLIPS; flip += 1) {
    const bytes = Buffer.from(good);
    const at = random.pick(pages) * PAGE + random.below(PAGE);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    writeFileSync(path, bytes);
    writeFileSync(`${path}.mark`, mark);
    const shown: Shown[] = [];
    const found = await readAll(path, bob, shown);
    told[found] += 1;
    for (const end of ['', '-wal', '-shm', '.mark']) rmSync(`${target}${end}`, { force: true });
    rebuild({
      sources: [path],
      target,
      mark: null,
      idOf: systemIds.derived,
      keyOf: () => null,
      now: Date.now(),
    });
    expect(await readAll(target, bob, shown)).toBe('read');
    expect({ at, wrong: wrongIn(shown) }).toEqual({ at, wrong: [] });
    // Whose it was the index tells, so that the repair brings every one of them.
    if (found === 'another') expect(new Set(forBob(shown)).size).toBe(waiting);
  }
  expect(told.read).toBeGreaterThan(0);
  expect(told.refused).toBeGreaterThan(20);
  expect(told.another).toBeGreaterThan(0);
}, 60_000);
