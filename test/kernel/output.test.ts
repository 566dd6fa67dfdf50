/** What a kernel's output looks like to a reader: terminal semantics, one text a result, bounds on all. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { bundleOf } from '../../src/kernel/output/bundle.ts';
import { CellOutput, type OutputPart } from '../../src/kernel/output/cell-output.ts';
import { cutText, joined } from '../../src/kernel/output/cut-text.ts';
import { plainText } from '../../src/kernel/output/plain.ts';
import { Screen } from '../../src/kernel/output/screen.ts';
import { outline } from './cells.ts';

function shown(...pieces: readonly string[]): string {
  let whole = '';
  const screen = new Screen((text) => (whole += text));
  for (const piece of pieces) screen.write(piece);
  screen.end();
  return whole;
}

describe('a stream', () => {
  const rows: readonly (readonly [string, readonly string[], string])[] = [
    ['a return writes over the line', ['abc\rX'], 'Xbc'],
    ['a return before a newline changes nothing', ['abc\r\ndef'], 'abc\ndef'],
    ['a return at the end of a message waits for the next', ['10%\r', '20%\r', '30%'], '30%'],
    ['a backspace steps back', ['abc\b\bX'], 'aXc'],
    ['an erased line is gone', ['abc\r\u001B[Kx'], 'x'],
    ['the whole line erased', ['abc\u001B[2K\rx'], 'x'],
    ['nested bars move up', ['one\ntwo\u001B[A\rONE\ndone'], 'ONE\ndone'],
    ['colours vanish', ['\u001B[31mred\u001B[0m'], 'red'],
    ['a private mode vanishes', ['\u001B[?2004lx'], 'x'],
    ['a title vanishes', ['\u001B]0;title\u0007x', '\u001B]8;;http://a\u001B\\link'], 'xlink'],
    ['a sequence cut in two vanishes', ['a\u001B[3', '1mb\u001B', '[0mc'], 'abc'],
    ['a title cut in two vanishes', ['a\u001B]0;ti', 'tle\u0007b'], 'ab'],
    ['an 8-bit sequence vanishes', ['a\u009B31mb'], 'ab'],
    ['bells and nulls vanish', ['a\u0007\u0000b'], 'ab'],
    ['a tab stays', ['a\tb'], 'a\tb'],
    ['blanks at both ends stay (K8)', ['  a  \n', '  '], '  a  \n  '],
  ];
  test.each(rows)('%s', (_name, pieces, wanted) => {
    expect(shown(...pieces)).toBe(wanted);
  });

  test('without control characters is the text itself, however it is cut into messages', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', ' ', '\n', 'é', '😀', '\t'), maxLength: 300 });
    fc.assert(fc.property(fc.array(plain), (pieces) => shown(...pieces) === pieces.join('')));
  });

  test('never lets an escape through, whatever comes', () => {
    const wild = fc.string({
      unit: fc.constantFrom(
        '\u001B',
        '[',
        ']',
        '0',
        ';',
        'm',
        'K',
        'A',
        '\r',
        '\b',
        '\n',
        'x',
        '\u009B',
        '\u0007',
      ),
      maxLength: 60,
    });
    fc.assert(fc.property(fc.array(wild), (pieces) => !/[\p{Cc}--[\n\t]]/v.test(shown(...pieces))));
  });
});

describe('a cell', () => {
  const stream = (name: string, text: string) => ['stream', { name, text }] as const;
  const heard = (...messages: readonly (readonly [string, Record<string, unknown>])[]) => {
    const output = new CellOutput();
    for (const [type, content] of messages) output.add(type, content);
    return output;
  };

  test('joins a stream, and parts it where another speaks', () => {
    const output = heard(
      stream('stdout', 'a\n'),
      stream('stdout', 'b\n'),
      stream('stderr', 'e\n'),
      stream('stdout', 'c\n'),
    );
    expect(outline(output)).toEqual(['stdout: a\nb\n', 'stderr: e\n', 'stdout: c\n']);
  });

  test('keeps a progress bar one line though another stream breaks in', () => {
    const output = heard(stream('stderr', '\r 1%'), stream('stdout', 'log\n'), stream('stderr', '\r99%'));
    expect(outline(output)).toEqual(['stderr: 99%', 'stdout: log\n']);
    expect(output.latestLine).toBe('99%');
  });

  test('gives the whole to the sink, in parts, and keeps head and tail', () => {
    const parts: (readonly [OutputPart, number])[] = [];
    const output = new CellOutput({
      text: (part, text) => parts.push([part, text.length]),
      cleared: () => parts.splice(0),
    });
    for (let at = 0; at < 20_000; at += 1)
      output.add('stream', { name: 'stdout', text: `${String(at).padStart(9)}\n` });
    output.end();
    const [item] = output.items;
    const cut = item?.kind === 'stream' ? item.text : undefined;
    expect(parts.reduce((sum, [, length]) => sum + length, 0)).toBe(200_000);
    expect(cut?.head.length).toBe(16_384);
    expect(cut?.tail).toEndWith('    19999\n');
    expect((cut?.head.length ?? 0) + (cut?.omitted ?? 0) + (cut?.tail.length ?? 0)).toBe(200_000);
  });

  test('bounds how many things it keeps, and says how many it dropped', () => {
    const output = new CellOutput();
    for (let at = 0; at < 1_000; at += 1) output.add('display_data', { data: { 'text/plain': `${at}` } });
    expect(output.items.length).toBe(400);
    expect(output.left.items).toBe(600);
    expect(outline(output).at(-1)).toBe('display: 999');
  });

  test('bounds its images by their bytes', () => {
    const output = new CellOutput(undefined, {
      item: { head: 10, tail: 10 },
      cell: 100,
      items: 10,
      imageBytes: 1_000,
    });
    const image = Buffer.alloc(600).toString('base64');
    for (let at = 0; at < 2; at += 1) output.add('display_data', { data: { 'image/png': image } });
    expect(output.left.images).toBe(1);
  });
});

describe('one text of many', () => {
  const bundles: readonly (readonly [string, Record<string, unknown>, string, string])[] = [
    ['plain text before HTML', { 'text/plain': 'a  b', 'text/html': '<b>a</b>' }, 'text/plain', 'a  b'],
    [
      'what a kernel wrote for models first',
      { 'text/plain': 'x', 'text/llm+plain': 'y' },
      'text/llm+plain',
      'y',
    ],
    [
      'Markdown where the plain text only says that there is one',
      { 'text/plain': '<IPython.core.display.Markdown object>', 'text/markdown': '**x**' },
      'text/markdown',
      '**x**',
    ],
    [
      'HTML without its tags',
      { 'text/html': '<style>p{}</style><p>a &amp; b</p><td>1</td><td>2</td>' },
      'text/html',
      'a & b\n1\t2',
    ],
    ['JSON as it is', { 'application/json': { a: [1] } }, 'application/json', '{"a":[1]}'],
    [
      'nothing known by its name',
      { 'application/x-thing': 'z' },
      'application/x-thing',
      '(application/x-thing)',
    ],
  ];
  test.each(bundles)('%s', (_name, data, mime, text) => {
    expect(bundleOf(data)).toEqual({ mime, text, images: [] });
  });

  test('an SVG and a PNG whose lines are broken are images', () => {
    const { images } = bundleOf({ 'image/svg+xml': '<svg/>', 'image/png': 'iVBO\nRw0K\n' });
    expect(images.map(({ mime, bytes }) => [mime, bytes.length])).toEqual([
      ['image/png', 6],
      ['image/svg+xml', 6],
    ]);
  });
});

test('head and tail name the gap between them, and no half of a pair is left', () => {
  expect(joined(cutText('abcdefghij', { head: 2, tail: 3 }))).toBe('ab\n[… 5 characters left out …]\nhij');
  expect(joined(cutText('abc', { head: 2, tail: 3 }))).toBe('abc');
  expect(joined(cutText('a😀bcdef', { head: 2, tail: 1 }))).toStartWith('a�\n');
  expect(plainText('\u001B[1;31mx')).toBe('x');
});
