import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { visible, visibleJson, visibleLine } from '../../src/present/escape.ts';
import { jsonLine } from '../../src/present/json.ts';

/** What moves a cursor, reorders or hides text; a newline and a tab are no such thing. */
const harmful =
  // eslint-disable-next-line no-control-regex -- these are what must not be there
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/u;

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '[',
      '31m',
      '\u0000',
      '\u009b',
      '\u202e',
      '\u200d',
      '\ufe0f',
      '❤',
      'a',
      '\r',
      '\n',
      '\u{e0041}',
      '\ud800',
      '\u034f',
      '\u180b',
      'ب',
      '\u200c',
    ),
  }),
);

describe('text of others on a terminal', () => {
  test('no control, bidi or invisible character gets through, whatever the text', () => {
    fc.assert(fc.property(anyText, (text) => !harmful.test(visible(text))));
  });

  test('what was shown once is shown the same again', () => {
    fc.assert(fc.property(anyText, (text) => visible(visible(text)) === visible(text)));
  });

  test('one line stays one line', () => {
    fc.assert(fc.property(anyText, (text) => !/[\n\t]/.test(visibleLine(text))));
  });

  test.each([
    ['\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['NUL \u0000 inside', 'NUL \\x00 inside'],
    ['invoice\u202egnp.exe', 'invoice\\u{202e}gnp.exe'],
    ['pay\u200bpal', 'pay\\u{200b}pal'],
    ['overwritten\rlie', 'overwritten\\rlie'],
    ['smuggled \u{e0048}\u{e0049}', 'smuggled \\u{e0048}\\u{e0049}'],
  ])('%j is shown as %j', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  test.each(['plain\n\twith lines', 'ü 漢字 e\u0301', '👩‍👩‍👧‍👦 ❤️ 1️⃣ 👍🏽', 'می‌خواهم', 'क्‍ष'])(
    '%j needs nothing and is left alone',
    (text) => {
      expect(visible(text)).toBe(text);
    },
  );

  test('lines that end as on Windows are plain lines', () => {
    expect(visible('one\r\ntwo\r\n')).toBe('one\ntwo\n');
  });
});

describe('JSON', () => {
  test('is one harmless line and the same value when parsed, whatever the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const line = jsonLine({ body: text });
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(harmful.test(line)).toBe(false);
        expect(JSON.parse(line)).toEqual({ body: text });
      }),
    );
  });

  test('keeps line separators that JSON allows and JavaScript once did not', () => {
    expect(visibleJson('"a\u2028b"')).toBe('"a\\u2028b"');
  });
});
