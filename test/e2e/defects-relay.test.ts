/** The defects of system 002 (R4–R6, R14, R15) that touch messages, one test each, on the compiled binary. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openMachine, type Machine } from './machine.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => machine[Symbol.asyncDispose]());

const bodies = async (name: string, ...flags: string[]): Promise<string[]> =>
  (await machine.json<{ messages: { body: string }[] }>(['check', '--as', name, ...flags])).messages.map(
    (message) => message.body,
  );

test('R4: the twenty-first message evicts nothing', async () => {
  for (let n = 0; n < 25; n += 1) await machine.ok(['send', 'r4', `m${n}`]);
  expect(await bodies('r4', '--all')).toEqual(Array.from({ length: 25 }, (_, n) => `m${n}`));
});

test('R5: a limited check hands over the oldest first, and the next one goes on', async () => {
  for (let n = 0; n < 7; n += 1) await machine.ok(['send', 'r5', `m${n}`]);
  expect(await bodies('r5', '--limit', '5')).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
  expect(await bodies('r5', '--limit', '5')).toEqual(['m5', 'm6']);
});

test('R6: every session has its own mailbox; one reading takes nothing from another', async () => {
  await machine.ok(['send', 'r6-one,r6-two', 'for both']);
  expect(await bodies('r6-one')).toEqual(['for both']);
  expect(await bodies('r6-two')).toEqual(['for both']);
});

test('R14: a reader is never shown its own messages as new', async () => {
  await machine.ok(['send', 'r14-peer', 'mine', '--as', 'r14']);
  expect(await bodies('r14')).toEqual([]);
});

test('R15: clear empties my mailbox only, asks first, and leaves the history', async () => {
  await machine.ok(['send', 'r15-me,r15-peer', 'keep me']);
  const unasked = await machine.run(['clear', '--as', 'r15-me']);
  expect(unasked.code).toBe(64);
  expect(unasked.stderr).toContain('--yes');
  await machine.ok(['clear', '--as', 'r15-me', '--yes']);
  expect(await bodies('r15-me')).toEqual([]);
  expect(await bodies('r15-peer')).toEqual(['keep me']);
  const { messages } = await machine.json<{ messages: { body: string }[] }>(['history', '--as', 'r15-me']);
  expect(messages.map((message) => message.body)).toEqual(['keep me']);
});
