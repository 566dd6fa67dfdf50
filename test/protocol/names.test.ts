import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Failure } from '../../src/protocol/failures.ts';
import {
  formatAddress,
  isName,
  isReserved,
  numberedName,
  parseAddress,
  parseOwnName,
} from '../../src/protocol/names.ts';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Failure ? error.code : `not a Failure: ${String(error)}`;
  }
  return 'no failure';
};

describe('names', () => {
  test.each(['bob', 'Bob-2', 'a', '9lives', 'x.y_z', 'n'.repeat(64)])('%p may be taken', (name) => {
    expect(parseOwnName(name) as string).toBe(name);
  });

  test.each([
    '',
    ' ',
    '-bob',
    '.bob',
    'bob smith',
    'bob/alice',
    '../bob',
    'böb',
    'n'.repeat(65),
    'bob\u0000',
    '@',
    '#x',
  ])('%p may not be a name', (name) => {
    expect(code(() => parseOwnName(name))).toBe('invalid_name');
  });

  test('a trailing newline does not slip through (D14)', () => {
    expect(isName('evil\n')).toBe(false);
    expect(code(() => parseAddress('evil\n'))).toBe('invalid_name');
  });

  test.each(['all', 'ALL', 'system', 'System', 'me', 'ipc', 'ipc-bot', 'IPCx'])(
    '%p is reserved, in any case',
    (name) => {
      expect(code(() => parseOwnName(name))).toBe('invalid_name');
    },
  );

  test('an address and its text are the same thing', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
    fc.assert(
      fc.property(
        fc.oneof(
          name,
          name.map((topic) => `#${topic}`),
          fc.constant('@all'),
        ),
        (text) => {
          fc.pre(text.startsWith('#') || text === '@all' || !isReserved(text));
          expect(formatAddress(parseAddress(text))).toBe(text);
        },
      ),
    );
  });

  test('whatever text comes, it is an address or an invalid_name, and an address never has a control in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const outcome = code(() => parseAddress(text));
        expect(['invalid_name', 'no failure']).toContain(outcome);
        if (outcome === 'no failure')
          expect(formatAddress(parseAddress(text))).toMatch(/^[#@]?[A-Za-z0-9._-]+$/);
      }),
    );
  });

  test('a numbered name still fits, however long the name was', () => {
    expect(numberedName('bob', 2) as string).toBe('bob-2');
    expect(numberedName('n'.repeat(64), 12)).toHaveLength(64);
  });
});
