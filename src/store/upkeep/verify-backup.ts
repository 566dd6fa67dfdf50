/** facts, verify, backup: how the store is. */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Store } from '../../core/ports.ts';
import type { StoreFacts } from '../../core/records/upkeep.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { storeFault } from '../engine/faults.ts';
import { schemaVersion } from '../engine/migrate.ts';
import { newestInUse } from '../engine/sequence.ts';
import { COUNT_ANEW } from '../mailbox/counts.ts';
import { EXCEPTIONAL_STATE, UNFINISHED_STATE } from '../mailbox/delivery-rows.ts';
import { indexedUpTo } from '../past/search-index.ts';

const FACTS = `SELECT
  (SELECT count(*) FROM agent WHERE name_key IS NOT NULL AND kind <> 'system') AS agents,
  (SELECT count(*) FROM message) AS messages,
  (SELECT sum(waiting) FROM agent) AS waiting,
  (SELECT sum(held) FROM agent) AS held,
  (SELECT count(*) FROM delivery WHERE state = 'dead'
    AND ${EXCEPTIONAL_STATE}) AS dead,
  (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS storeBytes`;

export function verifyMethods(engine: Engine, path: string): Pick<Store, 'facts' | 'verify' | 'backup'> {
  const { sql } = engine;
  return {
    facts: async () => {
      const facts = sql.get<Omit<StoreFacts, 'walBytes' | 'schema'>>(FACTS);
      if (facts === null) throw new Error('a count returned no row');
      return { ...facts, walBytes: sizeOf(`${path}-wal`), schema: schemaVersion(sql) };
    },
    verify: async () => ({ problems: problemsIn(engine), blobs: referredBlobs(sql) }),
    backup: async (name) => {
      engine.commits.flush();
      const copy = copyTo(sql, { path, name });
      return { path: copy, bytes: sizeOf(copy), blobs: referredBlobs(sql) };
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

const REFERRED = 'SELECT DISTINCT sha256 FROM message_blob ORDER BY sha256';

export function referredBlobs(sql: Sql): readonly string[] {
  return sql.all<{ sha256: string }>(REFERRED).map(({ sha256 }) => sha256);
}

function copyTo(sql: Sql, { path, name }: { path: string; name: string }): string {
  if (path === ':memory:') throw new Failure('cannot_create', 'a store in memory has no place for a copy');
  const folder = join(dirname(path), 'backups');
  const copy = join(folder, name);
  if (dirname(copy) !== folder)
    throw new Failure('cannot_create', `wanted a file name, found ${JSON.stringify(name)}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    sql.run('VACUUM INTO ?1', copy);
    chmodSync(copy, 0o600);
  } catch (error) {
    const fault = storeFault(error);
    if (fault instanceof Failure) throw fault;
    throw new Failure('cannot_create', `wanted a copy at ${copy}, found: ${String(error)}`, { cause: error });
  }
  return copy;
}

// ---- verify ------------------------------------------------------------------------------------------

interface Check {
  readonly sql: string;
  readonly say: (row: Record<string, string | number | null>) => string;
}

const COUNTED = `SELECT a.name,
    a.waiting || ' waiting, ' || a.held || ' held, ' || a.delayed || ' delayed' AS kept,
    coalesce(c.waiting, 0) || ' waiting, ' || coalesce(c.held, 0) || ' held, ' || coalesce(c.delayed, 0) || ' delayed'
      AS counted
  FROM agent a LEFT JOIN (${COUNT_ANEW}, agent FROM delivery
    WHERE ${UNFINISHED_STATE} GROUP BY agent) c ON c.agent = a.id
  WHERE kept <> counted`;

/** What must be so whatever happened before. */
const checks: readonly Check[] = [
  {
    sql: 'SELECT "table", count(*) AS rows FROM pragma_foreign_key_check GROUP BY "table"',
    say: (row) => `${row['rows']} rows of ${row['table']} refer to something that is not there`,
  },
  {
    sql: COUNTED,
    say: (row) => `the counters of ${row['name']} say ${row['kept']}; there are ${row['counted']}`,
  },
  {
    sql: `SELECT count(*) AS rows FROM delivery
      WHERE (arrived = 1 AND (state = 'held' OR due_at IS NOT NULL))
        OR (arrived = 0 AND (state NOT IN ('queued', 'held', 'expired', 'refused', 'cancelled')))
        OR (arrived = 0 AND state = 'queued' AND due_at IS NULL) HAVING rows > 0`,
    say: (row) => `${row['rows']} deliveries are neither in a mailbox nor on their way to one`,
  },
];

const PAGES = { quick: 'PRAGMA quick_check(20)', full: 'PRAGMA integrity_check(20)' } as const;

/** `full` also compares each index with its table: four times as long (measured). */
export function pageProblems(sql: Sql, depth: keyof typeof PAGES): readonly string[] {
  const found = sql.all<Record<string, string>>(PAGES[depth]).flatMap((row) => Object.values(row));
  return found.filter((line) => line !== 'ok').map((line) => `the file is damaged: ${line}`);
}

export function ruleProblems(sql: Sql): readonly string[] {
  return checks.flatMap(({ sql: text, say }) => sql.all<Parameters<typeof say>[0]>(text).map(say));
}

function problemsIn(engine: Engine): readonly string[] {
  const { sql } = engine;
  const problems: string[] = [];
  try {
    problems.push(...pageProblems(sql, 'quick'), ...ruleProblems(sql));
    const inUse = newestInUse(sql);
    if (inUse > engine.sequence.newest)
      problems.push(`number ${inUse} is in use, but only ${engine.sequence.newest} were given out`);
    if (indexedUpTo(engine) > engine.sequence.newest)
      problems.push('the search index is ahead of the messages');
    sql.run("INSERT INTO message_index (message_index) VALUES ('integrity-check')");
  } catch (error) {
    problems.push(`the check itself failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  return problems;
}
