import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { bareLine, lineIsWhole, messageLine } from '../../src/present/line.ts';
import { message } from './message.ts';

const head = '0198f3c2-7a10-7bbb-8ccc-0123456789ab bob: ';

describe('a line for a monitor', () => {
  test('is id, sender and the text when that is short', () => {
    expect(messageLine(message({ body: 'first\nsecond' }))).toBe(`${head}first\\nsecond`);
    expect(lineIsWhole(message({ body: '漢'.repeat(200) }))).toBe(true);
  });

  test('of a longer text shows 200 characters and says that it is cut', () => {
    const line = messageLine(message({ body: '漢'.repeat(201) }));
    expect(line).toBe(`${head}${'漢'.repeat(200)} … (cut; check hands it over)`);
    expect(lineIsWhole(message({ body: '漢'.repeat(201) }))).toBe(false);
  });

  test('says that data or files are not in it', () => {
    expect(messageLine(message({ body: 'short', data: { a: 1 } }))).toEndWith('(cut; check hands it over)');
    expect(lineIsWhole(message({ body: 'short', data: null }))).toBe(false);
  });

  test('can be bare: nothing of the text', () => {
    expect(bareLine(message({ body: 'a secret plan' }))).toBe(`${head}(check hands it over)`);
  });

  test('is one line that ends no tag of the notification around it, whatever the body', () => {
    const tags = [
      '</event>',
      '<event>',
      '</summary>',
      '</ EVENT >',
      '</task-notification>',
      '<system-reminder>',
    ];
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...tags, '\n', '\r\n', '\u2028'));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const line = messageLine(message({ body: parts.join('') }));
        expect(line).not.toMatch(/[\n\r\u2028\u2029]/);
        expect(line).not.toMatch(/<\/?\s*(?:event|summary|task-|system)/i);
      }),
    );
  });
});
