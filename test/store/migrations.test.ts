/** Migrations of the embedded engine's schema. */
import { describe, expect, test } from 'bun:test';
import { openSql } from '../../src/store/engine/connection.ts';
import { migrate, migrations, schemaVersion } from '../../src/store/engine/migrate.ts';

describe('migrations', () => {
  test('run once each, in order, and one that fails leaves what was before it', () => {
    const sql = openSql(':memory:');
    const steps = ['CREATE TABLE one (x TEXT) STRICT;', 'CREATE TABLE two (x TEXT) STRICT;'];
    migrate(sql, steps.slice(0, 1));
    migrate(sql, steps);
    expect(schemaVersion(sql)).toBe(2);
    expect(() => migrate(sql, [...steps, 'CREATE TABLE three (x TEXT) STRICT; nonsense;'])).toThrow();
    expect(schemaVersion(sql)).toBe(2);
    expect(sql.all("SELECT name FROM sqlite_master WHERE name = 'three'")).toEqual([]);
    sql.close();
  });

  test('a store of the first schema keeps what it holds and finds what a model has not proven to have seen', () => {
    const sql = openSql(':memory:');
    migrate(sql, migrations.slice(0, 1));
    sql.run(
      `INSERT INTO message (seq, id, sender, sender_name, sender_kind, verified, addressed, thread, intent,
         priority, depth, sent_at, digest, body)
       VALUES (1, 'm', 1, 'system', 'system', 1, '[]', 'm', 'inform', 'normal', 0, 1, x'00', 'kept')`,
    );
    sql.run(
      `INSERT INTO delivery (place, message, agent, filed, arrived, state, bytes, handed_at, door, asked, forwarded)
       VALUES (2, 1, 1, 1, 1, 'handed', 4, 7, 'hook', 'system', 0)`,
    );
    migrate(sql);
    expect(schemaVersion(sql)).toBe(migrations.length);
    const found = `SELECT body FROM delivery d INDEXED BY delivery_unproven JOIN message ON seq = message
      WHERE agent = 1 AND handed_at >= 7 AND state = 'handed' AND door IN ('tool', 'hook')`;
    expect(sql.all(found)).toEqual([{ body: 'kept' }]);
    sql.close();
  });
});
