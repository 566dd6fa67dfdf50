/** The traps of citty 0.2.2: an agent that misspells a flag must not "succeed". */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseArguments } from '../../src/cli/arguments.ts';
import { Failure } from '../../src/protocol/failures.ts';
import { verb as check } from '../../src/cli/verbs/check.ts';
import { verb as send } from '../../src/cli/verbs/send.ts';
import type { Verb } from '../../src/cli/verb.ts';

const NOW = Date.parse('2026-08-22T12:00:00Z');

const parse = (verb: Verb, ...argv: string[]) => {
  const { values, words, plain } = parseArguments(argv, {
    flags: verb.spec.flags,
    name: verb.spec.name,
    now: () => NOW,
  });
  return { values: Object.fromEntries(values), words, plain };
};
const refusal = (verb: Verb, ...argv: string[]): Failure => {
  try {
    parse(verb, ...argv);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`${argv.join(' ')} was not refused`);
};

describe('flags are strict', () => {
  test('an unknown flag is refused and takes no word with it (trap 5)', () => {
    expect(refusal(send, 'bob', '--bogus', '3')).toMatchObject({ code: 'invalid', exit: 64 });
  });

  test('a misspelled flag is answered with the one that was meant', () => {
    const failure = refusal(send, 'bob', 'hi', '--prioritty', 'high');
    expect(failure.message).toContain('did you mean --priority?');
    expect(failure.details).toEqual({ suggestion: '--priority' });
  });

  test('a flag without its value is refused, and does not eat the next flag', () => {
    expect(refusal(send, 'bob', '--thread', '--json').message).toContain('wanted a value after --thread');
    expect(refusal(send, 'bob', '--thread').message).toContain('wanted a value after --thread');
  });

  test('a value may begin with a dash after =', () => {
    expect(parse(send, 'bob', '--thread=--odd', 'x').values).toEqual({ thread: ['--odd'] });
  });

  test('a flag given twice is refused, unless it may be repeated (trap 8)', () => {
    expect(refusal(send, 'bob', '--thread', 'a', '--thread', 'b').message).toContain('wanted --thread once');
    expect(parse(send, 'bob', '--file', 'a', '-f', 'b', '--file=c').values['file']).toEqual(['a', 'b', 'c']);
  });

  test('numbers are numbers, whole where they must be, and within their bounds (trap 8)', () => {
    expect(parse(check, '--limit', '5').values['limit']).toEqual([5]);
    for (const wrong of ['5x', '1.5', '', '0', '-1', '1001', '1e3', 'Infinity'])
      expect(refusal(check, `--limit=${wrong}`).code).toBe('invalid');
  });

  test('a choice is one of those there are', () => {
    expect(parse(send, 'bob', '--priority', 'high').values['priority']).toEqual(['high']);
    expect(refusal(send, 'bob', '--priority', 'hihg').message).toContain('did you mean high?');
  });

  test('a time must be on the calendar, in a year of four digits', () => {
    for (const wrong of ['99999999999d', '2030-02-30', '2030-02-30T10:00:00Z', '2030-13-01', '2029-02-29'])
      for (const flag of ['--expires-at', '--not-before'])
        expect(refusal(send, 'bob', 'hi', flag, wrong)).toMatchObject({ code: 'invalid', exit: 64 });
    expect(parse(send, 'bob', 'hi', '--expires-at', '2028-02-29').values['expiresAt']).toEqual([
      '2028-02-29T00:00:00.000Z',
    ]);
  });

  test('an id is a UUID', () => {
    expect(refusal(send, 'bob', 'hi', '--id', 'x').message).toBe('--id: wanted a UUID, found "x"');
  });

  test('times are lengths or instants', () => {
    expect(parse(send, 'bob', '--expires-in', '2h').values['expiresIn']).toEqual([7_200]);
    expect(parse(send, 'bob', '--not-before', '30m').values['notBefore']).toEqual([
      '2026-08-22T12:30:00.000Z',
    ]);
    expect(parse(send, 'bob', '--not-before', '2026-08-23T00:00:00+02:00').values['notBefore']).toEqual([
      '2026-08-22T22:00:00.000Z',
    ]);
    expect(refusal(send, 'bob', '--not-before', 'tomorrow').code).toBe('invalid');
  });

  test('a value that may be left out takes the next word only when it is one', () => {
    expect(parse(check, '--wait').values['wait']).toEqual([86_400]);
    expect(parse(check, '--wait', '--json').values['wait']).toEqual([86_400]);
    expect(parse(check, '--wait', '5m').values['wait']).toEqual([300]);
  });

  test('short flags stand alone, together, and with a value attached', () => {
    expect(parse(send, '-q', 'bob', '-fx').values).toEqual({ quiet: [true], file: ['x'] });
    expect(refusal(send, 'bob', '-5').message).toContain('goes after --');
  });
});

describe('global flags', () => {
  test.each([[['--as', 'eve', 'bob', 'hi']], [['bob', '--as', 'eve', 'hi']], [['bob', 'hi', '--as=eve']]])(
    'are understood anywhere before -- (trap 7): %j',
    (argv) => {
      expect(parse(send, ...argv)).toMatchObject({ values: { as: ['eve'] }, words: ['bob', 'hi'] });
    },
  );
});

describe('after -- everything is text', () => {
  test('flags, -h and another -- are words (traps 3 and 10)', () => {
    const { values, words, plain } = parse(send, 'bob', '--', '-h', '--help', '--no-way', '--', '-');
    expect(values).toEqual({});
    expect(words).toEqual(['bob', '-h', '--help', '--no-way', '--', '-']);
    expect(plain).toBe(1);
  });

  test('whatever the words', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(parse(send, 'bob', '--', ...words).words).toEqual(['bob', ...words]);
      }),
    );
  });
});
