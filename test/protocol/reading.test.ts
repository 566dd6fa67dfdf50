/** Values that throw at whoever compares or spells them are refused like any others. */
import { expect, test } from 'bun:test';
import { z } from 'zod';
import { operations } from '../../src/protocol/operations.ts';
import { readBy } from '../../src/protocol/reading.ts';
import { bundleOf } from '../../src/kernel/output/bundle.ts';

const NEITHER = { toString: {}, valueOf: {} };
const HOSTILE = [NEITHER, { length: NEITHER }, [NEITHER], [{ length: NEITHER }]];

test('every field of every operation takes or refuses an object that cannot be compared', () => {
  let refused = 0;
  for (const [name, { input }] of Object.entries(operations)) {
    for (const field of Object.keys(input.shape)) {
      for (const value of HOSTILE) {
        const read = readBy(input, { [field]: value });
        if (!read.success) refused += 1;
        expect({ name, told: read.success || read.error.issues.length > 0 }).toEqual({ name, told: true });
      }
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test('a rule of ours that is broken is not told as somebody’s wrong input', () => {
  const broken = z.string().refine(() => {
    throw new RangeError('ours');
  });
  expect(() => readBy(broken, 'x')).toThrow('ours');
});

test('lines of a kernel that are no texts are shown as what they are', () => {
  expect(bundleOf({ 'text/plain': [NEITHER, 'x'] }).text).toBe('[{"toString":{},"valueOf":{}},"x"]');
  expect(bundleOf({ 'text/plain': ['a\n', 'b'] }).text).toBe('a\nb');
});
