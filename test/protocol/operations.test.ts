import { describe, expect, test } from 'bun:test';
import { Failure, asFailure, failures, isFailureCode } from '../../src/protocol/failures.ts';
import { INLINE_BODY_BYTES } from '../../src/protocol/model.ts';
import { operations } from '../../src/protocol/operations.ts';

describe('the table of operations', () => {
  test.each(Object.entries(operations))(
    '%s names only failures that exist, and says what it does',
    (_name, row) => {
      expect(row.failures.filter((code) => !isFailureCode(code))).toEqual([]);
      expect(row.summary).toMatch(/^[A-Z].{9,}[^.]$/);
    },
  );

  test('a body counts in bytes of UTF-8, not in characters', () => {
    const parse = (body: string) => operations.send.input.safeParse({ to: ['bob'], body }).success;
    expect(parse('x'.repeat(INLINE_BODY_BYTES))).toBe(true);
    expect(parse('x'.repeat(INLINE_BODY_BYTES + 1))).toBe(false);
    expect(parse('ü'.repeat(INLINE_BODY_BYTES / 2))).toBe(true);
    expect(parse('ü'.repeat(INLINE_BODY_BYTES / 2 + 1))).toBe(false);
  });

  test('a lone surrogate is refused instead of being changed on the way', () => {
    expect(operations.send.input.safeParse({ to: ['bob'], body: 'a\ud800b' }).success).toBe(false);
  });
});

describe('failures', () => {
  test('no exit status is 2, which client programs read as "block"', () => {
    expect(Object.entries(failures).filter(([, row]) => (row.exit as number) === 2)).toEqual([]);
  });

  test('every JSON-RPC code belongs to one failure', () => {
    const codes = Object.values(failures).map((row) => row.rpc);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(Object.entries(failures))('the hint of %s is a command', (_code, row) => {
    expect(row.hint).toMatch(/^(ipc|ls) /);
  });

  test('a failure survives the wire', () => {
    const sent = new Failure('name_live', 'bob is held by another session', {
      details: { suggestion: 'bob-2' },
    });
    const received = Failure.from(JSON.parse(JSON.stringify(sent.body())));
    expect(received.body()).toEqual(sent.body());
    expect(received.exit).toBe(77);
  });

  test('an unknown error is internal, never the caller’s fault', () => {
    expect(asFailure(new TypeError('x is not a function')).code).toBe('internal');
  });
});

test.each([
  ['thread', () => operations.send.input.safeParse({ to: ['bob'], body: 'x', thread: 'half \ud834' })],
  ['reader', () => operations.check.input.safeParse({ reader: 'reader \ud834' })],
])('half a surrogate pair, which no store can keep, is refused in a %s', (_field, parse) => {
  expect(parse()).toMatchObject({
    success: false,
    error: { issues: [{ message: expect.stringContaining('lone') }] },
  });
});
