/** Which pages belong to which table, followed from the roots; what no root leads to, and what is free. */
import { openSql } from '../engine/connection.ts';
import { migrate } from '../engine/migrate.ts';
import type { Pages } from './pages.ts';
import { cellsOf, parsePage, type Cell, type Kind, type Page } from './records.ts';

/** Number of the first page of each tree, by the name of its table or index. */
type Roots = ReadonlyMap<string, number>;

interface Tree {
  /** Each page of it that can be read, inner ones too, row by row and in the order of their keys. */
  readonly pages: readonly number[];
  /** How many places in it lead to no page, or to one that cannot be its. */
  readonly faults: number;
}

export interface Forest {
  /** What the tree of a table or an index holds; null stands for what cannot be read. */
  cells(name: string): Iterable<Cell | null>;
  /** What its pages were to hold by a transaction whose end is cut off. */
  unfinished(name: string): Iterable<Cell | null>;
  /** See `Pages`: its trees may be of different moments. */
  readonly torn: boolean;
  /** What lies in leaves of tables that no root leads to any more and that are not free. */
  strays(): Iterable<Cell | null>;
  faultsOf(name: string): number;
}

/** Tables whose rows are looked for everywhere when their tree is broken. */
export const SOUGHT = ['agent', 'topic', 'message', 'delivery'] as const;

const SCHEMA_COLUMNS = 5;

export function openForest(pages: Pages): Forest {
  const reached = new Set<number>();
  const schema = walk(pages, 1, reached);
  const read = rootsIn(cellsIn(pages, schema.pages));
  const told = read.size > 0 ? read : rootsIn(cellsIn(pages, range(2, Math.min(pages.count, 64))));
  const trees = new Map<string, Tree>();
  for (const [name, root] of told.size > 0 ? told : usualRoots()) {
    trees.set(name, walk(pages, root, reached));
  }
  const known = new Map<string, number>();
  const faultsOf = (name: string): number => {
    const tree = trees.get(name);
    const faults = known.get(name) ?? (tree === undefined ? 1 : tree.faults + disorder(pages, tree));
    known.set(name, faults);
    return faults;
  };
  return {
    cells: (name) => cellsIn(pages, trees.get(name)?.pages ?? []),
    unfinished: (name) => unfinishedCells(pages, trees.get(name)?.pages ?? []),
    torn: pages.torn,
    strays: () => {
      const { free, isWhole } = freePages(pages);
      // Without the list of what is free, what was deleted looks like what was lost.
      if (!isWhole && SOUGHT.every((name) => faultsOf(name) === 0)) return [];
      const lost = range(2, pages.count).filter((number) => !reached.has(number) && !free.has(number));
      return cellsIn(pages, lost, 'table-leaf');
    },
    faultsOf,
  };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, nth) => from + nth);
}

function* cellsIn(pages: Pages, numbers: readonly number[], only?: Kind): Iterable<Cell | null> {
  for (const number of numbers) {
    const page = pageAt(pages, number);
    if (page !== null && (only === undefined || page.kind === only)) yield* cellsOf(pages, page);
  }
}

function* unfinishedCells(pages: Pages, numbers: readonly number[]): Iterable<Cell | null> {
  for (const number of numbers) {
    const bytes = pages.unfinished.get(number);
    const page = bytes === undefined ? null : parsePage(bytes, number === 1);
    if (page !== null) yield* cellsOf(pages.doubtful.overflow, page);
  }
}

/** A store that was never copied has its tables where every new one has them. */
function usualRoots(): Roots {
  const sql = openSql(':memory:');
  try {
    migrate(sql);
    const rows = sql.all<{ name: string; rootpage: number }>(
      'SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0',
    );
    return new Map(rows.map(({ name, rootpage }) => [name, rootpage]));
  } finally {
    sql.close();
  }
}

function rootsIn(cells: Iterable<Cell | null>): Roots {
  const roots = new Map<string, number>();
  for (const cell of cells) {
    const [type, name, , root] = cell?.values ?? [];
    if (cell?.values.length !== SCHEMA_COLUMNS || (type !== 'table' && type !== 'index')) continue;
    if (typeof name === 'string' && typeof root === 'number' && root > 1) roots.set(name, root);
  }
  return roots;
}

function pageAt(pages: Pages, number: number): Page | null {
  const bytes = pages.read(number);
  return bytes === null ? null : parsePage(bytes, number === 1);
}

/** By depth, so that of two places that lead to one page the first has it. */
function walk(pages: Pages, root: number, reached: Set<number>): Tree {
  const found: number[] = [];
  let faults = 0;
  let row = [root];
  let family: string | undefined;
  while (row.length > 0) {
    const below: number[] = [];
    let leaves = 0;
    for (const number of row) {
      const page = reached.has(number) ? null : pageAt(pages, number);
      const sort = page?.kind.slice(0, 5);
      family ??= sort;
      if (page === null || sort !== family) {
        faults += 1;
        continue;
      }
      reached.add(number);
      found.push(number);
      below.push(...page.children);
      if (page.children.length === 0) leaves += 1;
    }
    // All leaves are equally deep: one among inner pages stands where another page was.
    if (below.length > 0) faults += leaves;
    row = below;
  }
  return { pages: found, faults };
}

/** A copy of another page is a page: only its keys, or cells that make no sense, tell that it is not the one. */
function disorder(pages: Pages, { pages: numbers }: Tree): number {
  let faults = 0;
  let before = Number.NEGATIVE_INFINITY;
  for (const cell of cellsIn(pages, numbers)) {
    if (cell === null || cell.cut) faults += 1;
    else if (cell.rowid !== 0) {
      if (cell.rowid <= before) faults += 1;
      before = Math.max(before, cell.rowid);
    }
  }
  return faults;
}

/** Pages that were given back keep what they held: it was deleted and must not come again. */
function freePages(pages: Pages): { free: ReadonlySet<number>; isWhole: boolean } {
  const free = new Set<number>();
  const first = pages.read(1);
  if (first === null) return { free, isWhole: false };
  const header = new DataView(first.buffer, first.byteOffset);
  let trunk = header.getUint32(32);
  while (trunk > 0 && !free.has(trunk)) {
    const bytes = pages.read(trunk);
    if (bytes === null) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = view.getUint32(4);
    // A trunk that counts more than it has room for is none.
    if (count > pages.usable / 4 - 2) break;
    free.add(trunk);
    for (let nth = 0; nth < count; nth += 1) free.add(view.getUint32(8 + nth * 4));
    trunk = view.getUint32(0);
  }
  return { free, isWhole: free.size === header.getUint32(36) };
}
