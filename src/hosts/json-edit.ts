/**
 * Entries put into a person's JSON or JSONC and taken out again by the byte: nothing else of the text
 * moves, neither comments nor commas, order, line ends or indentation. jsonc-parser reads and says where
 * things stand; its own edits would format neighbours and drop a comment that stands behind a value.
 */
import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
  stripComments,
} from 'jsonc-parser';
import { Failure } from '../protocol/failures.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export type JsonEntry =
  /** A property; `soft`: any that is there already will do. */
  | {
      readonly kind: 'value';
      readonly at: readonly string[];
      readonly value: Json;
      readonly soft?: true;
    }
  /** One more element of the list at that place. */
  | { readonly kind: 'item'; readonly at: readonly string[]; readonly value: Json };

export interface Inserted {
  readonly text: string;
  /** Depth of the topmost property that was not there before. */
  readonly made: number;
  /** What stood between the brackets that were empty before. */
  readonly inner: string;
}

const COMMA = 5;
const LINE_BREAK = 14;
const TRIVIA = 15;
const BLOCK_COMMENT = 13;
const LINE_COMMENT = 12;
const END = 17;

/** The value of a text; undefined: it holds none. Throws `invalid_data` with line and column. */
export function parseJson(text: string, file: string): Node | undefined {
  const errors: ParseError[] = [];
  const options = { allowTrailingComma: true, allowEmptyContent: true };
  const root = treeOf(file, () => parseTree(text, errors, options));
  const [first] = errors;
  if (first === undefined) return root;
  const { line, column } = placeOf(text, first.offset);
  throw new Failure(
    'invalid_data',
    `wanted JSON in ${file}; found ${printParseErrorCode(first.error)} in line ${line}, column ${column}; the file is as it was`,
    { hint: `mend line ${line} of ${file}, then say it again`, details: { file, line, column } },
  );
}

function treeOf(file: string, parse: () => Node | undefined): Node | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Failure('invalid_data', `wanted settings in ${file}; found brackets nested without end`, {
      hint: `head -c 300 ${file}`,
    });
  }
}

/** Plain JSON, but for comments where they are allowed: no trailing comma. */
export function isJson(text: string, comments: 'allowed' | 'none'): boolean {
  const bare = comments === 'allowed' ? stripComments(text) : text;
  try {
    JSON.parse(bare);
    return true;
  } catch {
    return bare.trim() === '';
  }
}

export function valueAt(root: Node | undefined, path: readonly string[]): Node | undefined {
  let node = root;
  for (const key of path) node = node === undefined ? undefined : propertyOf(node, key)?.children?.[1];
  return node;
}

/** A node as data, its keys in order, so that another order is the same value. */
export function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

/** Every node of a document is JSON; a property's own node has no value and is never asked. */
export function dataOf(node: Node): Json {
  switch (node.type) {
    case 'array':
      return (node.children ?? []).map(dataOf);
    case 'object':
      return Object.fromEntries(
        (node.children ?? []).map(({ children }) => {
          const [key, value] = children ?? [];
          return [String(key?.value), value === undefined ? null : dataOf(value)];
        }),
      );
    default:
      return node.value as Json;
  }
}

/** Throws `conflict` when something else stands in the way. */
export function insertEntry(text: string, entry: JsonEntry, file: string): Inserted {
  const root = parseJson(text, file);
  if (root === undefined) return insertDocument(text, entry);
  const path = entry.at;
  let parent = root;
  for (let depth = 0; depth < path.length; depth += 1) {
    if (parent.type !== 'object') throw inTheWay(file, path.slice(0, depth), parent);
    const next = propertyOf(parent, path[depth] ?? '')?.children?.[1];
    if (next === undefined) {
      const key = JSON.stringify(path[depth]);
      const value = nested(path.slice(depth + 1), leafOf(entry));
      return { ...insertChild(text, { root, parent, key, value }), made: depth };
    }
    parent = next;
  }
  if (entry.kind === 'value' || parent.type !== 'array') throw inTheWay(file, path, parent);
  return { ...insertChild(text, { root, parent, value: entry.value }), made: path.length };
}

/** The text without a value of ours, and without the lists and objects made for it that it leaves empty. */
export function removeEntry(
  text: string,
  node: Node,
  { path, made, inner }: { path: readonly string[]; made: number; inner: string },
): string {
  const isProperty = node.parent?.type === 'property';
  let child = isProperty && node.parent !== undefined ? node.parent : node;
  let level = isProperty ? path.length - 1 : path.length;
  for (let above = child.parent; above !== undefined && level > made; above = child.parent) {
    const alone = above.children?.length === 1 && !hasComment(text, above, child);
    const holder = above.parent;
    if (!alone || holder?.type !== 'property') break;
    child = holder;
    level -= 1;
  }
  return removeChild(text, child, inner);
}

function leafOf(entry: JsonEntry): Json {
  return entry.kind === 'value' ? entry.value : [entry.value];
}

function nested(path: readonly string[], value: Json): Json {
  return path.toReversed().reduce<Json>((inside, key) => ({ [key]: inside }), value);
}

function insertDocument(text: string, entry: JsonEntry): Inserted {
  const eol = eolOf(text);
  const head = text.trim() === '' || text.endsWith('\n') ? text : `${text}${eol}`;
  const lead = text.trim() === '' ? '' : head;
  const body = JSON.stringify(nested(entry.at, leafOf(entry)), undefined, 2).replaceAll('\n', eol);
  return { text: `${lead}${body}${eol}`, made: 0, inner: '' };
}

interface Insertion {
  readonly root: Node;
  readonly parent: Node;
  /** As it stands in the text; absent in a list. */
  readonly key?: string;
  readonly value: Json;
}

function insertChild(text: string, { root, parent, key, value }: Insertion): { text: string; inner: string } {
  const eol = eolOf(text);
  const unit = unitOf(text, root);
  const head = key === undefined ? '' : `${key}: `;
  const spread = (indent: string): string =>
    head + JSON.stringify(value, undefined, unit).replaceAll('\n', `${eol}${indent}`);
  const open = parent.offset + 1;
  const close = parent.offset + parent.length - 1;
  const last = parent.children?.at(-1);
  if (last === undefined) {
    const inner = text.slice(open, close);
    const outer = indentOf(text, parent.offset);
    const kept = inner.trimEnd();
    const body = `${eol}${outer}${unit}${spread(outer + unit)}${eol}${outer}`;
    return { text: `${text.slice(0, open)}${kept}${body}${text.slice(close)}`, inner };
  }
  const end = last.offset + last.length;
  const { comma, after } = restOfLine(text, end, close);
  const isBroken = text.slice(open, last.offset).includes('\n');
  if (!isBroken) {
    const flat = `${comma === undefined ? ',' : ''} ${head}${oneLine(value)}${comma === undefined ? '' : ','}`;
    const at = comma === undefined ? end : comma + 1;
    return { text: text.slice(0, at) + flat + text.slice(at), inner: '' };
  }
  const indent = indentOf(text, last.offset);
  const line = `${eol}${indent}${spread(indent)}`;
  const added =
    comma === undefined ? `,${text.slice(end, after)}${line}` : `${text.slice(end, after)}${line},`;
  return { text: text.slice(0, end) + added + text.slice(after), inner: '' };
}

/** Where the comma behind a value stands, and where the line (or the container) ends behind it. */
function restOfLine(text: string, from: number, close: number): { comma: number | undefined; after: number } {
  let comma: number | undefined;
  let after = from;
  let line = true;
  for (const { kind, offset, end } of tokens(text, from, close)) {
    if (kind === LINE_BREAK) line = false;
    if (kind === COMMA) {
      comma = offset;
      // A comma on a line of its own still parts what follows.
      after = end;
      line = true;
    }
    if (line && (kind === LINE_COMMENT || kind === BLOCK_COMMENT)) after = end;
  }
  return { comma, after };
}

function removeChild(text: string, child: Node, inner: string): string {
  const parent = child.parent;
  const siblings = parent?.children ?? [];
  const at = siblings.indexOf(child);
  if (parent === undefined || at < 0) return text;
  const close = parent.offset + parent.length - 1;
  const next = siblings[at + 1];
  const previous = siblings[at - 1];
  const end = child.offset + child.length;
  const behind = commaIn(text, end, next?.offset ?? close);
  const from = lineStart(text, child.offset);
  let before = text.slice(0, from);
  const rest = text.slice(behind === undefined ? end : behind + 1);
  if (behind === undefined && previous !== undefined) {
    const comma = commaIn(text, previous.offset + previous.length, child.offset);
    if (comma !== undefined && comma < from) before = before.slice(0, comma) + before.slice(comma + 1);
  }
  if (siblings.length > 1) return before + rest;
  const open = parent.offset + 1;
  const left = before.slice(open) + rest.slice(0, rest.length - (text.length - close));
  return left.trim() === '' ? text.slice(0, open) + inner + text.slice(close) : before + rest;
}

/** Where a line that begins with the node begins, its line end included; else the blanks before it. */
function lineStart(text: string, offset: number): number {
  let from = offset;
  while (from > 0 && /[ \t]/.test(text[from - 1] ?? '')) from -= 1;
  if (text[from - 1] !== '\n') return from;
  return text[from - 2] === '\r' ? from - 2 : from - 1;
}

function commaIn(text: string, from: number, to: number): number | undefined {
  for (const { kind, offset } of tokens(text, from, to)) if (kind === COMMA) return offset;
  return undefined;
}

function hasComment(text: string, container: Node, only: Node): boolean {
  const end = only.offset + only.length;
  const spans = [
    [container.offset + 1, only.offset],
    [end, container.offset + container.length - 1],
  ] as const;
  return spans.some(([from, to]) =>
    [...tokens(text, from, to)].some(({ kind }) => kind === LINE_COMMENT || kind === BLOCK_COMMENT),
  );
}

function* tokens(
  text: string,
  from: number,
  to: number,
): Generator<{ kind: number; offset: number; end: number }> {
  const scanner = createScanner(text.slice(from, to), false);
  for (let kind: number = scanner.scan(); kind !== END; kind = scanner.scan()) {
    if (kind === TRIVIA) continue;
    const offset = from + scanner.getTokenOffset();
    yield { kind, offset, end: offset + scanner.getTokenLength() };
  }
}

function propertyOf(node: Node, key: string): Node | undefined {
  if (node.type !== 'object') return undefined;
  // Of a key that stands there twice every reader takes the last.
  return node.children?.findLast(({ children }) => children?.[0]?.value === key);
}

function oneLine(value: Json): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, ' ');
}

function eolOf(text: string): string {
  return /\r\n|\n/.exec(text)?.[0] ?? '\n';
}

function indentOf(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? '';
}

/** One step of indentation as this file has it. */
function unitOf(text: string, root: Node): string {
  const first = root.children?.[0];
  const found =
    first === undefined ? '' : indentOf(text, first.offset).slice(indentOf(text, root.offset).length);
  return found === '' ? '  ' : found;
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function inTheWay(file: string, path: readonly string[], found: Node): Failure {
  const place = path.length === 0 ? 'its top' : path.join('.');
  return new Failure('conflict', `wanted room at ${place} in ${file}; found ${shown(found)} there`, {
    hint: `change ${place} in ${file}, then say it again`,
  });
}

function shown(node: Node): string {
  const text = JSON.stringify(dataOf(node));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
