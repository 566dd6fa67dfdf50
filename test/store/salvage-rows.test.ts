import { expect, test } from 'bun:test';
import { openSql } from '../../src/store/engine/connection.ts';
import { migrate, migrations } from '../../src/store/engine/migrate.ts';
import { rowOf, shapes, tableOf } from '../../src/store/salvage/rows.ts';
import { SOUGHT } from '../../src/store/salvage/trees.ts';

/** Columns of a table in a new store of so many migrations. */
function columnsOf(table: string, steps: number): string[] {
  const sql = openSql(':memory:');
  try {
    migrate(sql, migrations.slice(0, steps));
    return sql.all<{ name: string }>('SELECT name FROM pragma_table_info(?1)', table).map(({ name }) => name);
  } finally {
    sql.close();
  }
}

test.each(SOUGHT)(
  'a repair knows every column of %s, those of later schemas with what an older row has there',
  (table) => {
    const { columns, added } = shapes[table];
    expect(columns).toEqual(columnsOf(table, migrations.length));
    expect(columns.slice(0, columns.length - added.length)).toEqual(columnsOf(table, 1));
  },
);

test('a row that was written before a column was added is one of its table, and has it when it is carried over', () => {
  const delivery = [null, 7, 3, 1, 1, 'queued', 5, ...Array.from({ length: 13 }, () => null), 'bob', 0];
  delivery[7] = 0;
  const cell = { rowid: 12, values: delivery, cut: false };
  expect(tableOf(cell)).toBe('delivery');
  expect(rowOf('delivery', cell)).toEqual([12, ...delivery.slice(1), 0]);
  expect(tableOf({ ...cell, values: [...delivery, 1] })).toBe('delivery');
  expect(tableOf({ ...cell, values: delivery.slice(0, -1) })).toBeNull();
});
