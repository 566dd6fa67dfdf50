/** Carries every row that can be read from a damaged store into a new one; the first version of a row stays. */
import type { Sql, Value } from '../engine/connection.ts';
import { claimsOf } from './claims.ts';
import type { Pages } from './pages.ts';
import { cellsOf, parsePage, type Cell } from './records.ts';
import { rowOf, shapes, tableOf, type Sought } from './rows.ts';
import { SOUGHT, type Forest } from './trees.ts';

export interface Gathered {
  /** Numbers of messages whose text is not all there. */
  readonly cut: ReadonlySet<number>;
  /** Numbers of messages that only a newest, doubtful version of a page tells of: later than all else. */
  readonly late: ReadonlySet<number>;
  /** Numbers kept in the store, by their names. */
  readonly counters: ReadonlyMap<string, number>;
}

export function gather(sql: Sql, pages: Pages, forest: Forest): Gathered {
  const partial: Cell[] = [];
  const late = new Set<number>();
  const claimed = claimsOf(sql, forest);
  const insert = (cell: Cell): boolean => {
    const table = tableOf(cell);
    if (table === null) return false;
    return sql.run(INSERT[table], ...rowOf(table, table === 'delivery' ? claimed(cell) : cell)) > 0;
  };
  const take = (cell: Cell | null): void => {
    // The whole of it may still come.
    if (cell?.cut === true) partial.push(cell);
    else if (cell !== null) insert(cell);
  };
  for (const table of SOUGHT) for (const cell of forest.cells(table)) take(cell);
  for (const cell of forest.strays()) take(cell);
  const { doubtful } = pages;
  for (const bytes of doubtful.pages) {
    const page = parsePage(bytes, false);
    for (const cell of page?.kind === 'table-leaf' ? cellsOf(doubtful.overflow, page) : []) {
      const isNew = cell !== null && tableOf(cell) === 'message' && sql.get(HAS, cell.rowid) === null;
      if (isNew) late.add(cell.rowid);
      take(cell);
    }
  }
  const cut = new Set(
    partial.filter((cell) => insert(cell) && tableOf(cell) === 'message').map(({ rowid }) => rowid),
  );
  gatherSmall(sql, forest);
  return { cut, late, counters: countersIn(forest) };
}

const HAS = 'SELECT 1 FROM message WHERE seq = ?1';

function insertInto(table: Sought): string {
  const { columns } = shapes[table];
  const places = columns.map((_, nth) => `?${nth + 1}`).join(', ');
  return `INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`;
}

const INSERT = {
  agent: insertInto('agent'),
  topic: insertInto('topic'),
  message: insertInto('message'),
  delivery: insertInto('delivery'),
} as const satisfies Record<Sought, string>;

// ---- tables without numbers of their own, which only their roots tell apart ----------------------------

const FORWARD = 'INSERT OR IGNORE INTO forward (name_key, name, agent, until) VALUES (?1, ?2, ?3, ?4)';
const MEMBER = 'INSERT OR IGNORE INTO membership (topic, agent, since) VALUES (?1, ?2, ?3)';
const TAKEN_OVER = 'INSERT OR IGNORE INTO imported (id, at) VALUES (?1, ?2)';
const MUTE = 'INSERT OR IGNORE INTO mute (agent, sender, since) VALUES (?1, ?2, ?3)';

type Sorts = readonly ('number' | 'string')[];

const small: readonly { tree: string; sorts: Sorts; insert: string; turned: boolean }[] = [
  { tree: 'forward', sorts: ['string', 'string', 'number', 'number'], insert: FORWARD, turned: false },
  { tree: 'membership', sorts: ['number', 'number', 'number'], insert: MEMBER, turned: false },
  { tree: 'imported', sorts: ['string', 'number'], insert: TAKEN_OVER, turned: false },
  { tree: 'mute', sorts: ['number', 'number', 'number'], insert: MUTE, turned: false },
  // Each is told again by the index that reads it from the other side; since when, is not.
  { tree: 'membership_agent', sorts: ['number', 'number'], insert: MEMBER, turned: true },
  { tree: 'mute_sender', sorts: ['number', 'number'], insert: MUTE, turned: true },
];

function gatherSmall(sql: Sql, forest: Forest): void {
  for (const { tree, sorts, insert, turned } of small) {
    for (const cell of forest.cells(tree)) {
      if (cell === null || !fits(cell.values, sorts)) continue;
      const values = turned ? [...cell.values.toReversed(), 0] : cell.values;
      sql.run(insert, ...values);
    }
  }
}

export function fits(values: readonly Value[], sorts: Sorts): boolean {
  return values.length === sorts.length && values.every((value, nth) => typeof value === sorts[nth]);
}

function countersIn(forest: Forest): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  for (const cell of forest.cells('counter')) {
    const [name, value] = cell?.values ?? [];
    if (typeof name === 'string' && typeof value === 'number' && Number.isSafeInteger(value)) {
      counters.set(name, value);
    }
  }
  return counters;
}
