import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { cut, excerpt, formatBytes } from '../../src/present/excerpt.ts';
import { ago, exact, formatDuration, parseDuration, relative } from '../../src/present/time.ts';

const NOW = Date.parse('2026-08-22T12:00:00Z');

describe('times', () => {
  test.each([
    ['2026-08-22T11:59:58Z', 'just now'],
    ['2026-08-22T11:59:30Z', '30 seconds ago'],
    ['2026-08-22T11:59:00Z', '1 minute ago'],
    ['2026-08-22T09:00:00Z', '3 hours ago'],
    ['2026-08-20T11:00:00Z', '2 days ago'],
    ['2026-08-01T12:00:00Z', '3 weeks ago'],
    ['2025-01-01T12:00:00Z', '1 year ago'],
    ['2026-08-22T14:00:00Z', 'in 2 hours'],
  ])('%s is %s', (instant, words) => {
    expect(relative(instant, NOW)).toBe(words);
  });

  test.each([
    ['2026-08-22T11:59:30Z', '30 seconds ago'],
    ['2026-08-22T12:00:02Z', 'just now'],
    ['2036-08-22T12:00:00Z', '10 years ahead of this clock'],
  ])('%s, which has been, is %s', (instant, words) => {
    expect(ago(instant, NOW)).toBe(words);
  });

  test.each([
    ['UTC', 0, '2026-08-22 23:50:07'],
    ['two hours east, where it is tomorrow', 120, '2026-08-23 01:50:07'],
    ['three and a half hours west', -210, '2026-08-22 20:20:07'],
  ])('an instant is shown as the clock shows it in %s', (_name, minutes, shown) => {
    expect(exact('2026-08-22T23:50:07.900Z', () => minutes)).toBe(shown);
  });

  test.each([
    ['90', 90],
    ['90s', 90],
    ['30m', 1_800],
    ['2h', 7_200],
    ['1h30m', 5_400],
    ['1.5h', 5_400],
    ['2 days', 172_800],
    ['500ms', 0.5],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each(['', 'soon', '-5', '5 parsecs', '3m5', '1e9', '2h now'])('%j is no length of time', (text) => {
    expect(() => parseDuration(text)).toThrow('wanted a length of time');
  });

  test('a printed length of time is read back as the same', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), (seconds) => parseDuration(formatDuration(seconds)) === seconds),
    );
  });
});

describe('excerpts', () => {
  test('never exceed the budget, never cut a character, and count what is missing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.integer({ min: 4, max: 400 }),
        (text, bytes) => {
          const { text: shown, missing } = excerpt(text, bytes);
          expect(text.startsWith(shown)).toBe(true);
          expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(bytes);
          expect(Buffer.byteLength(shown) + missing).toBe(Buffer.byteLength(text));
        },
      ),
    );
  });

  test('end at a line when one ends in the second half', () => {
    const encoded = Buffer.from('first line\nsecond line\nthird');
    expect(encoded.subarray(0, cut(encoded, 25)).toString()).toBe('first line\nsecond line\n');
  });

  test.each([
    [999, '999 B'],
    [1_000, '1 kB'],
    [1_449, '1.4 kB'],
    [999_999, '1 MB'],
    [104_857_600, '105 MB'],
  ])('%d bytes are %s', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words);
  });
});
