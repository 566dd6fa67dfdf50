/**
 * A table put at the end of a person's TOML and taken out again by the byte. No TOML library writes a
 * text back as its author left it, so smol-toml only reads, before and after: what cannot be read, or
 * would say something else about the person's own settings, is not written.
 */
import { parse, TomlError } from 'smol-toml';
import { Failure } from '../protocol/failures.ts';

type Table = Readonly<Record<string, unknown>>;

export function parseToml(text: string, file: string): Table {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    const why = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
    throw new Failure(
      'invalid_data',
      `wanted TOML in ${file}; found ${why} in line ${line}, column ${column}; the file is as it was`,
      { hint: `mend line ${line} of ${file}, then say it again`, details: { file, line, column } },
    );
  }
}

/** Numbers beyond 2^53 are somebody's settings too. */
function read(text: string): Table {
  return parse(text, { integersAsBigInt: 'asNeeded' });
}

export function tomlValueAt(table: Table, path: readonly string[]): unknown {
  let value: unknown = table;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Table)[key];
  }
  return value;
}

/** The block as it stands in the file, and the text with it. Throws `conflict` where TOML has no room for it. */
export function insertBlock(
  text: string,
  { path, block }: { path: readonly string[]; block: string },
  file: string,
): { text: string; block: string } {
  const before = parseToml(text, file);
  const eol = /\r\n|\n/.exec(text)?.[0] ?? '\n';
  const lead = text === '' ? '' : text.endsWith('\n') ? eol : `${eol}${eol}`;
  const added = lead + `${block.trimEnd()}\n`.replaceAll('\n', eol);
  const grown = text + added;
  try {
    if (keepsTheRest(before, read(grown), path)) return { text: grown, block: added };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
  }
  throw new Failure(
    'conflict',
    `wanted room for [${path.join('.')}] in ${file}; what stands there allows no such table`,
    {
      hint: `ipc setup --dry-run, and put it into ${file} by hand`,
    },
  );
}

/** Undefined: the table is not what was written any more, or cannot be taken out and leave the rest. */
export function removeBlock(
  text: string,
  { path, block }: { path: readonly string[]; block: string },
): string | undefined {
  const now = read(text);
  if (!Bun.deepEquals(tomlValueAt(now, path), tomlValueAt(read(block), path))) return undefined;
  return cuts(text, block).find((less) => isRest(less, now, path));
}

function cuts(text: string, block: string): readonly string[] {
  const at = text.indexOf(block);
  const exact = at < 0 ? [] : [text.slice(0, at) + text.slice(at + block.length)];
  // Another program may have written it with other line ends, or without the blank line before it: the
  // line end of what is written above is then taken for ours.
  const bare = block.trim().replaceAll('\r\n', '\n');
  const others = [bare, bare.replaceAll('\n', '\r\n')].flatMap((form) => {
    const found = text.indexOf(form);
    if (found < 0) return [];
    const rest = text.slice(found + form.length).replace(/^\r?\n/, '');
    return [text.slice(0, found).replace(/(\r?\n)(\r?\n)$/, '$1') + rest];
  });
  return [...exact, ...others];
}

function isRest(less: string, now: Table, path: readonly string[]): boolean {
  try {
    return keepsTheRest(read(less), now, path);
  } catch (error) {
    if (error instanceof TomlError) return false;
    throw error;
  }
}

export function tomlString(text: string): string {
  // A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
  return JSON.stringify(text).replaceAll('\u007F', '\\u007F');
}

function keepsTheRest(before: Table, after: Table, path: readonly string[]): boolean {
  const own = tomlValueAt(after, path);
  if (own === undefined) return false;
  return Bun.deepEquals(before, without(after, path, before));
}

/** The table less one value, and less the tables on the way to it that were not there before. */
function without(table: Table, [key, ...rest]: readonly string[], before: unknown): Table {
  if (key === undefined) return table;
  const { [key]: value, ...others } = table;
  const known = typeof before === 'object' && before !== null ? (before as Table)[key] : undefined;
  if (rest.length === 0 || known === undefined) return others;
  return { ...others, [key]: without(value as Table, rest, known) };
}
