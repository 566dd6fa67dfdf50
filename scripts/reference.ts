/**
 * The reference of operations in the README, from the one table: `bun scripts/reference.ts` writes it
 * between its two marks. A test fails when it is not what the table says.
 */
import { resolve } from 'node:path';
import { mapping } from '../src/http/mapping.ts';
import { operations } from '../src/protocol/operations.ts';

const README = resolve(import.meta.dir, '../README.md');
const MARKS = /(<!-- operations -->\n)[\s\S]*?(<!-- \/operations -->)/;

export function reference(): string {
  const rows = Object.entries(operations)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, row]) => {
      const failures = row.failures.map((code) => `\`${code}\``).join(' ');
      const repeat = row.repeat === 'safe' ? 'yes' : 'no';
      return `| \`${name}\` | ${row.summary} | ${row.caller} | ${repeat} | ${overHttp(name)} | ${failures} |`;
    });
  return [
    '| operation | what it does | who may | repeat safe | over HTTP, with scope | own failures |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function overHttp(name: string): string {
  const mapped = [...mapping.values()].find((each) => each.name === name);
  return mapped === undefined ? '' : `\`${mapped.methods.join(' ')} ${mapped.path}\` ${mapped.scope}`;
}

export function withReference(readme: string): string {
  return readme.replace(MARKS, (_, open: string, close: string) => `${open}${reference()}${close}`);
}

if (import.meta.main) await Bun.write(README, withReference(await Bun.file(README).text()));
