/** Group commit: who shares a transaction, and whom a failing step touches. */
import { describe, expect, test } from 'bun:test';
import { openCommitter } from '../../src/store/engine/commit.ts';
import { openSql } from '../../src/store/engine/connection.ts';

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

describe('group commit', () => {
  function table() {
    const sql = openSql(':memory:');
    sql.script('CREATE TABLE t (x INTEGER UNIQUE) STRICT');
    let commits = 0;
    const committer = openCommitter(sql, { inspect: () => {}, beforeCommit: () => (commits += 1) });
    const insert = (x: number) => committer.write(() => sql.run('INSERT INTO t VALUES (?1)', x));
    const rows = () => sql.all<{ x: number }>('SELECT x FROM t ORDER BY x').map(({ x }) => x);
    return { sql, committer, insert, rows, commits: () => commits };
  }

  test('what is asked for in one turn is one transaction', async () => {
    const { insert, rows, commits, sql } = table();
    await Promise.all([3, 1, 2].map(insert));
    expect(rows()).toEqual([1, 2, 3]);
    expect(commits()).toBe(1);
    sql.close();
  });

  test('a step that throws undoes itself and touches no other', async () => {
    const { committer, insert, rows, sql } = table();
    const halfDone = committer.write(() => {
      sql.run('INSERT INTO t VALUES (10)');
      throw new Error('a fault of ours');
    });
    const outcomes = await Promise.allSettled([insert(1), halfDone, insert(1), insert(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { message: 'a fault of ours' } });
    expect(rows()).toEqual([1, 2]);
    sql.close();
  });

  test('a step that throws alone leaves nothing behind', async () => {
    const { committer, rows, sql, insert } = table();
    const halfDone = committer.write(() => {
      sql.run('INSERT INTO t VALUES (10)');
      throw new Error('a fault of ours');
    });
    expect(await failure(halfDone)).toMatchObject({ message: 'a fault of ours' });
    await insert(1);
    expect(rows()).toEqual([1]);
    sql.close();
  });

  test('a full disk fails the whole turn, as what it is; the next one is tried again', async () => {
    const { sql, insert, rows, committer } = table();
    sql.script('CREATE TABLE big (x TEXT) STRICT');
    const pages = sql.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    sql.script(`PRAGMA max_page_count = ${pages}`);
    const fill = committer.write(() => sql.run('INSERT INTO big VALUES (?1)', 'x'.repeat(100_000)));
    const outcomes = await Promise.allSettled([insert(1), fill]);
    expect(outcomes).toMatchObject([{ reason: { code: 'disk_full' } }, { reason: { code: 'disk_full' } }]);
    expect(rows()).toEqual([]);
    await insert(2);
    expect(rows()).toEqual([2]);
    sql.close();
  });
});
