/** What a file's text becomes with ours in it, and without: pure, one text in, one text out. */
import { Failure } from '../protocol/failures.ts';
import type { Target } from './host.ts';
import {
  canonical,
  dataOf,
  insertEntry,
  isJson,
  type Json,
  type JsonEntry,
  parseJson,
  removeEntry,
  valueAt,
} from './json-edit.ts';
import { hashOf, type Written } from './record.ts';
import { insertBlock, parseToml, removeBlock, tomlValueAt } from './toml-edit.ts';

type Merged = Exclude<Target, { format: 'own' }>;

export interface With {
  readonly text: string;
  readonly written: readonly Written[];
}

export interface Without {
  readonly text: string;
  /** What somebody changed since, so that it stays. */
  readonly changed: readonly string[];
}

const BOM = '\uFEFF';

/** Throws `invalid_data` for a text that cannot be read, `conflict` where something else stands. */
export function withOurs(text: string, target: Merged): With {
  const mark = text.startsWith(BOM) ? BOM : '';
  const bare = text.slice(mark.length);
  const done = target.format === 'json' ? jsonWith(bare, target) : tomlWith(bare, target);
  return { text: mark + done.text, written: done.written };
}

export function withoutOurs(text: string, file: string, written: readonly Written[]): Without {
  const mark = text.startsWith(BOM) ? BOM : '';
  let bare = text.slice(mark.length);
  const changed: string[] = [];
  // The last one first: what was made for the first holds the others.
  for (const each of written.toReversed()) {
    const next = each.kind === 'json' ? jsonWithout(bare, file, each) : tomlWithout(bare, file, each);
    if (next.changed) changed.push(nameOf(each));
    bare = next.text;
  }
  return { text: mark + bare, changed };
}

/** Everything that is wanted stands there, whoever wrote it. */
export function holdsAll(text: string, target: Merged): boolean {
  const bare = text.startsWith(BOM) ? text.slice(1) : text;
  if (target.format === 'toml') {
    const found = tomlValueAt(parseToml(bare, target.file), target.path);
    return (
      found !== undefined &&
      Bun.deepEquals(found, tomlValueAt(parseToml(target.block, target.file), target.path))
    );
  }
  const root = parseJson(bare, target.file);
  return target.entries.every((entry) => stands(root && valueAt(root, entry.at), entry));
}

/** What of the text its own program does not read, so that it ignores the file whole; undefined: it reads all. */
export function unreadable(text: string, target: Merged): string | undefined {
  if (target.format !== 'json' || target.reads === undefined) return undefined;
  const bare = text.startsWith(BOM) ? text.slice(1) : text;
  switch (target.reads) {
    case 'json':
      return isJson(bare, 'none') ? undefined : 'comments or trailing commas';
    case 'json with comments':
      return isJson(bare, 'allowed') ? undefined : 'trailing commas';
  }
}

function jsonWith(text: string, target: Extract<Merged, { format: 'json' }>): With {
  let grown = text;
  const written: Written[] = [];
  for (const entry of target.entries) {
    const found = valueAt(parseJson(grown, target.file), entry.at);
    if (stands(found, entry)) continue;
    if (entry.kind === 'value' && found !== undefined)
      throw otherEntry(target.file, entry.at, JSON.stringify(dataOf(found)));
    const { text: next, made, inner } = insertEntry(grown, entry, target.file);
    grown = next;
    const list = entry.kind === 'item';
    written.push({ kind: 'json', path: entry.at, list, hash: hashOf(canonical(entry.value)), made, inner });
  }
  return { text: grown, written };
}

function tomlWith(text: string, target: Extract<Merged, { format: 'toml' }>): With {
  if (text !== '' && holdsAll(text, target)) return { text, written: [] };
  const found = tomlValueAt(parseToml(text, target.file), target.path);
  if (found !== undefined) throw otherEntry(target.file, target.path, JSON.stringify(found));
  const { text: grown, block } = insertBlock(text, target, target.file);
  return { text: grown, written: [{ kind: 'toml', path: target.path, block }] };
}

function jsonWithout(
  text: string,
  file: string,
  each: Extract<Written, { kind: 'json' }>,
): { text: string; changed: boolean } {
  const found = valueAt(parseJson(text, file), each.path);
  if (found === undefined) return { text, changed: false };
  const isOurs = (value: Json): boolean => hashOf(canonical(value)) === each.hash;
  const node = each.list ? found.children?.find((child) => isOurs(dataOf(child))) : found;
  // An element that is not there any more was taken out, or changed: then nobody can tell which it was.
  if (node === undefined || !isOurs(dataOf(node))) return { text, changed: true };
  return { text: removeEntry(text, node, each), changed: false };
}

function tomlWithout(
  text: string,
  file: string,
  each: Extract<Written, { kind: 'toml' }>,
): { text: string; changed: boolean } {
  if (tomlValueAt(parseToml(text, file), each.path) === undefined) return { text, changed: false };
  const less = removeBlock(text, each);
  return less === undefined ? { text, changed: true } : { text: less, changed: false };
}

function stands(found: ReturnType<typeof valueAt>, entry: JsonEntry): boolean {
  if (found === undefined) return false;
  if (entry.kind === 'value')
    return entry.soft === true || canonical(dataOf(found)) === canonical(entry.value);
  return found.children?.some((child) => canonical(dataOf(child)) === canonical(entry.value)) === true;
}

function nameOf(written: Written): string {
  return written.path.join('.');
}

function otherEntry(file: string, path: readonly string[], found: string): Failure {
  const place = path.join('.');
  const short = found.length > 120 ? `${found.slice(0, 117)}…` : found;
  return new Failure('conflict', `${file} has an entry ${place} that ipc setup did not write: ${short}`, {
    hint: `rename or remove ${place} in ${file}, then say it again`,
  });
}
