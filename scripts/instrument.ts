/**
 * Puts a probe before everything in a source file that can be left out by a run: statements, arms of
 * `?:`, bodies of arrow functions. Nothing moves to another line, and types stay for the bundler.
 */
import { parseSync } from 'oxc-parser';

export interface Instrumented {
  readonly text: string;
  /** The line on which each probe stands, from 1; probe `first + n` is the n-th. */
  readonly lines: readonly number[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** Named so that no source can mean it. */
const PROBE = '__probe__';

/** `prelude` declares the function `__probe__(n)`; it is put on the first line. */
export function instrument(
  file: string,
  source: string,
  { first, prelude }: { first: number; prelude: string },
): Instrumented {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const insertions: Insertion[] = [];
  const lines: number[] = [];
  const lineOf = lineFinder(source);
  const probe = (at: number): string => `${PROBE}(${first + lines.push(lineOf(at)) - 1})`;
  walk(program as unknown as Node, {
    statement: (node) => insertions.push({ at: node.start, text: `${probe(node.start)};` }),
    lone: (node) =>
      insertions.push({ at: node.start, text: `{${probe(node.start)};` }, { at: node.end, text: '}' }),
    expression: (node) =>
      insertions.push({ at: node.start, text: `(${probe(node.start)},` }, { at: node.end, text: ')' }),
  });
  return { text: prelude + woven(source, insertions), lines };
}

interface Visitor {
  /** One of a list. */
  readonly statement: (node: Node) => void;
  /** The branch of an `if` or the body of a loop, without braces. */
  readonly lone: (node: Node) => void;
  readonly expression: (node: Node) => void;
}

function walk(node: Node, visitor: Visitor): void {
  for (const list of [node['body'], node['consequent']]) {
    if (Array.isArray(list) && node.type !== 'ClassBody' && !node.type.startsWith('TS'))
      for (const each of list as Node[]) if (runs(each)) visitor.statement(each);
  }
  switch (node.type) {
    case 'ArrowFunctionExpression':
      if (node['expression'] === true) visitor.expression(node['body'] as Node);
      break;
    case 'ConditionalExpression':
      visitor.expression(node['consequent'] as Node);
      visitor.expression(node['alternate'] as Node);
      break;
    case 'IfStatement':
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      for (const branch of [node['body'], node['consequent'], node['alternate']])
        if (isNode(branch) && branch.type !== 'BlockStatement') visitor.lone(branch);
      break;
  }
  for (const child of Object.values(node)) {
    for (const each of Array.isArray(child) ? child : [child]) if (isNode(each)) walk(each, visitor);
  }
}

/** Not what is only declared: a function runs when it is called, a type never. */
function runs(node: Node): boolean {
  if (/^(?:TS|Import|Function|ExportAll|Empty)/.test(node.type) || 'directive' in node) return false;
  if (node.type !== 'ExportNamedDeclaration') return true;
  return isNode(node['declaration']) && runs(node['declaration']);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** What closes at a place stands before what opens there, the inner before the outer. */
function woven(source: string, insertions: readonly Insertion[]): string {
  const closes = ({ text }: Insertion): boolean => text === ')' || text === '}';
  const opening = insertions.filter((each) => !closes(each));
  // Found from outside in: the outermost close of a place was found first and goes last.
  const closing = insertions.filter(closes).toReversed();
  const ordered = [...closing, ...opening]
    .map((each, index) => ({ ...each, index }))
    .sort((one, other) => one.at - other.at || one.index - other.index);
  let text = '';
  let from = 0;
  for (const { at, text: inserted } of ordered) {
    text += source.slice(from, at) + inserted;
    from = at;
  }
  return text + source.slice(from);
}

function lineFinder(source: string): (at: number) => number {
  const ends: number[] = [];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) ends.push(at);
  return (at) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
