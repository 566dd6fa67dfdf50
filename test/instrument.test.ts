/** The probes of scripts/coverage: where they stand, and that a program with them does what it did. */
import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lcov, notCovered, table } from '../scripts/coverage-report.ts';
import { instrument } from '../scripts/instrument.ts';

const SOURCE = `'use strict';
interface Shape { readonly size: number }
export const twice = (n: number): Shape => ({ size: n * 2 });
export function sign(n: number): string {
  if (n < 0) return 'minus';
  else if (n === 0) return 'zero';
  for (const each of [n]) if (each > 100) throw new Error('too much');
  label: for (;;) {
    switch (n % 2) {
      case 0:
        break label;
      default: {
        const text = n > 10 ? 'big' : 'small';
        return text as string;
      }
    }
  }
  do n -= 1;
  while (n > 0);
  return [1].map((each) => (each > 0 ? { ok: 'even' } : { ok: 'never' })).map(({ ok }) => ok).join('');
}
`;

test('a program with probes does what it did, on the same lines, and leaves a mark for what it passed', async () => {
  const { text, lines } = instrument('sample.ts', SOURCE, {
    first: 5,
    prelude: 'function __probe__(n: number) { (globalThis as any).__sample__.add(n); }',
  });
  expect(text.split('\n')).toHaveLength(SOURCE.split('\n').length);
  const folder = await mkdtemp(join(tmpdir(), 'ipc-instrument-'));
  const passed = new Set<number>();
  Object.assign(globalThis, { __sample__: passed });
  try {
    await Bun.write(join(folder, 'sample.ts'), text);
    const { twice, sign } = (await import(join(folder, 'sample.ts'))) as {
      twice: (n: number) => { size: number };
      sign: (n: number) => string;
    };
    expect(twice(2)).toEqual({ size: 4 });
    expect([sign(-1), sign(0), sign(3), sign(4)]).toEqual(['minus', 'zero', 'small', 'even']);
  } finally {
    await rm(folder, { recursive: true });
  }
  const probes = lines.map((line, index) => ({ line, passed: passed.has(5 + index) }));
  const files = [{ file: 'src/a/sample.ts', probes }];
  // The throw, the arm 'big' and the arm 'never'.
  expect(notCovered(files)).toBe('src/a/sample.ts: 7, 13, 20 (3 of 12)\n');
  expect(table(files)).toContain('9 of     12 lines   75.0 %');
  expect(lcov(files)).toContain('SF:src/a/sample.ts\nDA:3,1\n');
});

test('what cannot be read is named', () => {
  expect(() => instrument('broken.ts', 'const = 1;', { first: 0, prelude: '' })).toThrow('broken.ts');
});
