/** Numbers that a double cannot hold are found before they are changed; all others are left in peace. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { numberThatChanges } from '../../src/protocol/json-numbers.ts';

test.each([
  ['12345678901234567890', '12345678901234567890'],
  ['{"id":-9007199254740993}', '-9007199254740993'],
  ['[1, 1e400]', '1e400'],
  ['1e-400', '1e-400'],
  ['0.10000000000000000555', '0.10000000000000000555'],
])('in %s it is %s', (text, found) => {
  expect(numberThatChanges(text)).toBe(found);
});

test.each([
  '[1.0000000000000000, 1e100, 1.5E+300, 0.30000000000000004, 0.00000010000000000000]',
  '{"12345678901234567890":"12345678901234567890 \\" 12345678901234567891"}',
  '[100000000000000000000, 1.7976931348623157e308, -0.0, 0e999]',
])('none in %s', (text) => {
  expect(numberThatChanges(text)).toBeUndefined();
});

test('what JSON itself writes never changes', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => numberThatChanges(JSON.stringify(value)) === undefined));
});

test('an integer of any length changes exactly when a double is another one', () => {
  const integer = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
  fc.assert(
    fc.property(integer, (value) => {
      const text = String(value);
      return (numberThatChanges(text) === undefined) === (plainOf(text) === value);
    }),
  );
});

/** The shortest decimal that JavaScript writes for the double of a text, as an integer. */
function plainOf(text: string): bigint {
  const [mantissa = '', exponent = '0'] = String(Number(text)).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return BigInt(whole + fraction.padEnd(Number(exponent), '0'));
}
