/** Buckets that fill again by the minute. */
import { expect, test } from 'bun:test';
import { HttpFailure } from '../../src/http/problem.ts';
import { Rates } from '../../src/http/rates.ts';

function rates(limit: { perMinute: number; burst: number }) {
  let at = 0;
  return {
    rates: new Rates({ ...limit, mono: () => at }),
    pass: (milliseconds: number) => (at += milliseconds),
  };
}

test('lets a burst through, then one for each share of a minute', () => {
  const { rates: limited, pass } = rates({ perMinute: 60, burst: 3 });
  expect([1, 2, 3].map(() => limited.wait('a'))).toEqual([0, 0, 0]);
  expect(limited.wait('a')).toBe(1);
  pass(500);
  expect(limited.wait('a')).toBe(0.5);
  pass(500);
  expect(limited.wait('a')).toBe(0);
  pass(3_600_000);
  expect([1, 2, 3, 4].map(() => limited.wait('a'))).toEqual([0, 0, 0, 1]);
});

test('counts each key by itself', () => {
  const { rates: limited } = rates({ perMinute: 60, burst: 1 });
  expect([limited.wait('a'), limited.wait('b'), limited.wait('a')]).toEqual([0, 0, 1]);
});

test('says 429, and when to come again', () => {
  const { rates: limited } = rates({ perMinute: 6, burst: 1 });
  limited.take('a', 'here');
  let found: unknown;
  try {
    limited.take('a', 'here');
  } catch (error) {
    found = error;
  }
  expect(found).toBeInstanceOf(HttpFailure);
  expect(found).toMatchObject({ failure: { code: 'rate_limited' }, facts: { retryAfter: 10 } });
});

test('a hundred thousand keys are not remembered, and a busy one is not forgotten', () => {
  const { rates: limited, pass } = rates({ perMinute: 1, burst: 1 });
  for (let key = 0; key < 100_000; key += 1) {
    limited.wait(`key ${key}`);
    pass(1);
  }
  expect(limited.wait('key 99999')).toBeGreaterThan(0);
  expect(limited.size).toBeLessThanOrEqual(10_000);
});
