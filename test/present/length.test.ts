/**
 * Text of strangers takes time that grows with its length and no faster: for each of these a regular
 * expression once began anew at every character, which for 64 KB took from seconds to minutes, in which
 * `ipc mcp`, a hook, `ipc serve` or the host of a kernel did nothing else.
 */
import { expect, test } from 'bun:test';
import { bundleOf } from '../../src/kernel/output/bundle.ts';
import { plainText } from '../../src/kernel/output/plain.ts';
import { Screen } from '../../src/kernel/output/screen.ts';
import { escaped, fenced } from '../../src/present/model.ts';
import { numberThatChanges } from '../../src/protocol/json-numbers.ts';

const LENGTH = 1_000_000;
const many = (piece: string): string => piece.repeat(LENGTH / piece.length);
const html = (text: string) => (): unknown => bundleOf({ 'text/html': text });

const texts: readonly (readonly [string, () => unknown])[] = [
  ['a body of < and blanks', () => escaped(`<${many(' ')}`)],
  ['a body of </ and blanks', () => escaped(`</${many(' ')}system`)],
  ['a cell’s output of < and newlines', () => fenced('output', `<${many('\n')}x`)],
  ['a number of a one, zeros and a one', () => numberThatChanges(`0.1${many('0')}1`)],
  ['a number of a million digits', () => numberThatChanges(`${many('9')}.${many('0')}1`)],
  ['HTML of < that nothing closes', html(many('<'))],
  ['HTML of blanks', html(`${many(' ')}x`)],
  ['HTML of scripts without an end', html(many('<script >'))],
  ['HTML of newlines and blanks', html(`${many(' \n')}x`)],
  [
    'control sequences of a terminal that begin and never end, in eight bits',
    () => plainText(many('\u009d')),
  ],
  ['the same in seven bits', () => plainText(many('\u001b]'))],
  ['numbers of a sequence without an end', () => plainText(`\u001b[${many('1;')}`)],
];

test.each(texts)('%s: a megabyte within two seconds', (_what, work) => {
  const begun = performance.now();
  work();
  expect(performance.now() - begun).toBeLessThan(2_000);
});

test('a cursor that steps to the right a million times makes no line of gigabytes', () => {
  let written = 0;
  const screen = new Screen((text) => (written += text.length));
  screen.write(`${many('\u001b[999C')}x`);
  screen.end();
  expect(written).toBeLessThan(100_000);
});

test('what a page hides is not shown, and its rows and cells stand apart', () => {
  const page =
    '<style>p { color: red }</style ><table><tr><th>a</th><th>b</th></tr>\n  <tr><td>1 &lt; 2</td><td>x</td></tr></table><SCRIPT>no()</SCRIPT><br/>end';
  expect(bundleOf({ 'text/html': page }).text).toBe('a\tb\n1 < 2\tx\nend');
  expect(bundleOf({ 'text/html': 'a <script> b < c' }).text).toBe('a  b < c');
});
