/** Migrations of the embedded engine's schema. */
import { describe, expect, test } from 'bun:test';
import { openSql } from '../../src/store/engine/connection.ts';
import { migrate, schemaVersion } from '../../src/store/engine/migrate.ts';

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
});
