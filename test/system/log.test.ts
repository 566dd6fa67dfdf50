import { expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { logLine, openLog } from '../../src/system/log.ts';
import { temporaryHome } from '../support/home.ts';

const AT = Date.parse('2026-08-22T10:00:00.000Z');

test('a log is put aside at its size, the oldest goes, and no line is lost or cut', async () => {
  await using home = await temporaryHome();
  const log = openLog(home.paths.log, { maxBytes: 4_096, files: 2 }, () => AT);
  for (let number = 0; number < 300; number += 1) log.write('event', { number, filler: 'x'.repeat(60) });
  log.close();
  const files = [`${home.paths.log}.2`, `${home.paths.log}.1`, home.paths.log];
  for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(4_096);
  expect(existsSync(`${home.paths.log}.3`)).toBe(false);
  const numbers = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/number=(\d+)/g)].map(([, number]) => Number(number)),
  );
  expect(numbers.at(-1)).toBe(299);
  expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] ?? 0) + index));
});

test('a log goes on where the last daemon left it', async () => {
  await using home = await temporaryHome();
  for (const event of ['first', 'second']) {
    const log = openLog(home.paths.log, { maxBytes: 4_096, files: 2 }, () => AT);
    log.write(event);
    log.close();
  }
  expect(readFileSync(home.paths.log, 'utf8')).toBe(
    '2026-08-22T10:00:00.000Z first\n2026-08-22T10:00:00.000Z second\n',
  );
  expect(statSync(home.paths.log).mode & 0o777).toBe(0o600);
});

test('one event is one line, whatever is in it', () => {
  const line = logLine(AT, 'event', { text_of: 'a\nb "c"', error: new Error('two\nlines'), left: '‮' });
  expect(line.trimEnd()).not.toContain('\n');
});

test('what could carry a body or a secret is struck out', () => {
  const line = logLine(AT, 'event', {
    body: 'my words',
    key: 'k-123',
    secret: 's-123',
    proof: 'p-123',
    id: 'i-123',
  });
  for (const secret of ['my words', 'k-123', 's-123', 'p-123']) expect(line).not.toContain(secret);
  expect(line).toContain('i-123');
});
