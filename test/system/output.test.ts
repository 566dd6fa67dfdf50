import { expect, test } from 'bun:test';
import { temporaryHome } from '../support/home.ts';

const output = `${import.meta.dir}/../../src/system/output.ts`;
const script = `
  const { isTerminal, writeOut, writeError } = await import(${JSON.stringify(output)});
  writeError('terminal=' + isTerminal(1) + '\\n');
  const size = Number(Bun.argv.at(-1));
  writeError('written=' + writeOut('x'.repeat(size)) + '\\n');
`;

function run(home: { path: string; variables: Readonly<Record<string, string>> }, line: string): string {
  const ran = Bun.spawnSync(['bash', '-c', line], {
    env: { ...home.variables, BUN: process.execPath, FILE: `${home.path}/script.ts` },
  });
  return ran.stdout.toString() + ran.stderr.toString();
}

test.each([
  ['a pipe', '"$BUN" "$FILE" 1 | cat', 'terminal=false'],
  ['/dev/null', '"$BUN" "$FILE" 1 >/dev/null', 'terminal=false'],
  ['nothing at all', '"$BUN" "$FILE" 1 >&-', 'terminal=false'],
])('%s is no terminal', async (_name, line, expected) => {
  await using home = await temporaryHome();
  await Bun.write(`${home.path}/script.ts`, script);
  expect(run(home, line)).toContain(expected);
});

test.skipIf(Bun.which('script') === null)('a terminal is one', async () => {
  await using home = await temporaryHome();
  await Bun.write(`${home.path}/script.ts`, script);
  expect(run(home, `script -qec '"$BUN" "$FILE" 1' /dev/null`)).toContain('terminal=true');
});

test('all of a long text is with the reader when the writing returns, though it reads slowly', async () => {
  await using home = await temporaryHome();
  await Bun.write(`${home.path}/script.ts`, script);
  const slow = `"$BUN" "$FILE" 3000000 2>"$FILE.err" | (head -c 1; cat) | wc -c; cat "$FILE.err"`;
  expect(run(home, slow)).toMatch(/^\s*3000000\nterminal=false\nwritten=true\n$/);
});

test('a reader that is gone is reported, not thrown', async () => {
  await using home = await temporaryHome();
  await Bun.write(`${home.path}/script.ts`, script);
  expect(
    run(home, `("$BUN" "$FILE" 3000000 2>"$FILE.err") | head -c 1 >/dev/null; cat "$FILE.err"`),
  ).toContain('written=false');
});
