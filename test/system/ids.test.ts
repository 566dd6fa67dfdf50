import { expect, test } from 'bun:test';
import { MessageId } from '../../src/protocol/model.ts';
import { derivedId, messageId } from '../../src/system/ids.ts';
import { nearest } from '../../src/system/nearest.ts';
import { systemClock } from '../../src/system/clock.ts';
import { compareVersions } from '../../src/system/version.ts';

test('message ids are legal, unlike each other, and grow', () => {
  const ids = Array.from({ length: 10_000 }, messageId);
  expect(MessageId.safeParse(ids[0]).success).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a derived id is legal and the same for the same words only', () => {
  expect(MessageId.safeParse(derivedId('expired', 'a')).success).toBe(true);
  expect(derivedId('expired', 'a')).toBe(derivedId('expired', 'a'));
  expect(derivedId('ab', 'c')).not.toBe(derivedId('a', 'bc'));
});

test('the monotonic clock counts from the start of the machine, so a restarted daemon goes on with it', () => {
  const script = `
    const { systemClock } = await import(${JSON.stringify(`${import.meta.dir}/../../src/system/clock.ts`)});
    console.log(systemClock().mono());
  `;
  const before = systemClock().mono();
  const other = Number(Bun.spawnSync([process.execPath, '-e', script]).stdout.toString());
  const after = systemClock().mono();
  // /proc/uptime counts in hundredths of a second.
  expect(other).toBeGreaterThan(before - 20);
  expect(other).toBeLessThan(after + 20);
});

test.each([
  ['0.1.0', '0.1.0', 0],
  ['0.9.0', '0.10.0', -1],
  ['1.0.0', '1.0.0-rc.1', 1],
  ['1.0.0-rc.2', '1.0.0-rc.10', -1],
  ['2', '1.9.9', 1],
])('version %s against %s is %d', (left, right, order) => {
  expect(Math.sign(compareVersions(left, right))).toBe(order);
});

test('a slip of the fingers finds the word that was meant, another word finds none', () => {
  const verbs = ['send', 'check', 'reply', 'who', 'whoami'];
  expect(nearest('chekc', verbs)).toBe('check');
  expect(nearest('sned', verbs)).toBe('send');
  expect(nearest('WHO', verbs)).toBe('who');
  expect(nearest('unrelated', verbs)).toBeUndefined();
});
