import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { shellWords } from '../../src/cli/shell-words.ts';
import { shellWord } from '../../src/system/files.ts';

describe('a command for --run is split as a shell would', () => {
  test.each([
    ['bun test', ['bun', 'test']],
    ['  echo   "two  words"  ', ['echo', 'two  words']],
    [`sh -c 'echo "$HOME" | wc -l'`, ['sh', '-c', 'echo "$HOME" | wc -l']],
    ['a\\ b c\\"d', ['a b', 'c"d']],
    ['"a\\"b\\n" \'\' x""y', ['a"b\\n', '', 'xy']],
    ['git log --format="%h %s"', ['git', 'log', '--format=%h %s']],
  ])('%s', (command, words) => {
    expect(shellWords(command)).toEqual(words);
  });

  test.each([
    ['C:\\bin\\x.exe a', ['C:\\bin\\x.exe', 'a']],
    ['"C:\\Program Files\\x.exe" "say \\"hi\\""', ['C:\\Program Files\\x.exe', 'say "hi"']],
    ['\\\\server\\share\\x.exe', ['\\\\server\\share\\x.exe']],
  ])('on Windows a backslash parts folders: %s', (command, words) => {
    expect(shellWords(command, 'win32')).toEqual(words);
  });

  test('as the shell of this machine does, for any quoted words', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', ' ', '"', "'", '\\', '$', '`', '|', '*', '\n', 'ü'),
    });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const quote = (text: string): string => (text === '' ? "''" : shellWord(text));
        expect(shellWords(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });

  test.each(['a | b', 'a && b', 'echo $HOME', 'ls *.ts', 'a > b', '`date`', '"$(date)"'])(
    '%s asks for a shell and is refused with the flag that gives one',
    (command) => {
      const asks = { hint: expect.stringContaining('--shell') as string };
      expect(() => shellWords(command)).toThrow(expect.objectContaining(asks));
    },
  );

  test.each(['echo "open', "echo 'open", 'echo \\', '   '])('%j is no whole command', (command) => {
    expect(() => shellWords(command)).toThrow('wanted a');
  });
});
