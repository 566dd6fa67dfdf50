/** A new store from what a damaged one still holds, made beside it: until it is whole, nothing is changed. */
import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import type { RepairReport, SavedCounts } from '../../protocol/repair.ts';
import { buildSql, type Sql } from '../engine/connection.ts';
import type { Mark } from '../engine/mark.ts';
import { migrate } from '../engine/migrate.ts';
import { nameStore } from '../engine/owner.ts';
import { newestKept } from '../engine/sequence.ts';
import { COUNT_ANEW } from '../mailbox/counts.ts';
import { UNFINISHED_STATE } from '../mailbox/delivery-rows.ts';
import { referredBlobs } from '../upkeep/verify-backup.ts';
import { gather } from './gather.ts';
import { alteredMessages, takeLost, type LostMessage } from './losses.ts';
import {
  mendAddressed,
  mendAgents,
  mendDeliveries,
  unaddressedIn,
  type Owner,
  type Unaddressed,
} from './mend.ts';
import { mendIds, mendJson } from './mend-messages.ts';
import { openPages } from './pages.ts';
import { tell, type Losses } from './tell.ts';
import { openForest } from './trees.ts';

export interface Rebuilding extends Owner {
  /** Where to read, the first to be believed before the others. */
  readonly sources: readonly string[];
  readonly target: string;
  readonly mark: Mark | null;
  /** The same id for the same words. */
  readonly idOf: (...words: readonly string[]) => string;
}

export interface Rebuilt {
  readonly saved: SavedCounts;
  readonly lost: RepairReport['lost'];
  readonly altered: readonly string[];
  readonly remade: number;
  readonly keyless: readonly string[];
  readonly blobs: readonly string[];
  readonly store: { readonly store: string; readonly opened: number; readonly newest: number };
}

const SAVED = `SELECT (SELECT count(*) FROM message) AS messages, (SELECT count(*) FROM delivery) AS deliveries,
  (SELECT count(*) FROM agent WHERE name_key IS NOT NULL AND kind IS NOT 'system') AS agents,
  (SELECT count(*) FROM topic) AS topics`;

export function countSaved(sql: Sql): SavedCounts {
  const saved = sql.get<SavedCounts>(SAVED);
  if (saved === null) throw new Error('a count returned no row');
  return saved;
}

export function rebuild(parts: Rebuilding): Rebuilt {
  for (const end of ['', '-journal', '-wal', '-shm']) rmSync(`${parts.target}${end}`, { force: true });
  const sql = buildSql(parts.target);
  try {
    migrate(sql);
    sql.run('DELETE FROM agent');
    sql.run('BEGIN');
    const found = fill(sql, parts);
    sql.run('COMMIT');
    const { lost, newest } = tell(sql, found, parts);
    const problems = sql.all<{ quick_check: string }>('PRAGMA quick_check(3)');
    if (problems[0]?.quick_check !== 'ok')
      throw new Error(`the new store is wrong: ${JSON.stringify(problems)}`);
    return {
      saved: countSaved(sql),
      lost: { ...lost, places: found.places },
      altered: found.altered.map(({ id }) => id),
      remade: found.remade,
      keyless: found.keyless,
      blobs: referredBlobs(sql),
      store: { ...found.store, newest },
    };
  } finally {
    sql.close();
    sync(parts.target);
  }
}

function sync(path: string): void {
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}

interface Found extends Losses {
  readonly remade: number;
  readonly keyless: readonly string[];
  readonly places: number;
  readonly store: { readonly store: string; readonly opened: number };
}

function fill(sql: Sql, parts: Rebuilding): Found {
  const lost = new Map<number, LostMessage>();
  const cut = new Set<number>();
  const counters = new Map<string, number>();
  let remade = 0;
  let places = 0;
  const keyless = new Set<string>();
  const unaddressed: Unaddressed[] = [];
  for (const source of parts.sources) {
    using pages = openPages(source);
    const forest = openForest(pages);
    const gathered = gather(sql, pages, forest);
    for (const seq of gathered.cut) cut.add(seq);
    for (const [name, value] of gathered.counters)
      counters.set(name, Math.max(value, counters.get(name) ?? 0));
    for (const name of mendAgents(sql, forest, parts).keyless) keyless.add(name);
    remade += mendDeliveries(sql, forest);
    unaddressed.push(unaddressedIn(forest, gathered.late));
    for (const message of takeLost(sql, forest)) lost.set(message.seq, message);
    places += forest.faultsOf('message') + forest.faultsOf('delivery');
  }
  const newest = newestKept(sql);
  const known = parts.mark?.newest ?? 0;
  // Beyond every number that was given out: whoever watches has a cursor and would pass over one before it.
  let next = Math.max(newest, known);
  remade += mendAddressed(
    sql,
    (seq) => unaddressed.some((isLost) => isLost(seq)),
    () => (next += 1),
  );
  mendIds(sql, parts.idOf);
  mendJson(sql);
  const missing = [...lost.values()].filter(({ seq }) => sql.get(HAS, seq) === null);
  const unread = unreadLost(sql, missing);
  setCounters(sql, {
    counters,
    mark: parts.mark,
    newest: Math.max(next, counters.get('cursor') ?? 0),
  });
  const store = nameStore(sql);
  derive(sql);
  return {
    lost: missing,
    unread,
    places,
    altered: alteredOf(sql, cut),
    remade,
    keyless: [...keyless],
    numbers: Math.max(0, known - Math.max(newest, counters.get('forgotten') ?? 0)),
    store,
  };
}

const HAS = 'SELECT 1 FROM message WHERE seq = ?1';
const SHORT = `SELECT a.id, a.waiting + a.held + a.delayed - coalesce(c.found, 0) AS missing
  FROM agent a LEFT JOIN (SELECT agent, count(*) AS found FROM delivery WHERE ${UNFINISHED_STATE} GROUP BY agent) c
    ON c.agent = a.id
  WHERE missing > 0`;

/** What a mailbox counted, less what was found for it and what is known to be lost. */
function unreadLost(sql: Sql, lost: readonly LostMessage[]): ReadonlyMap<number, number> {
  const short = new Map(
    sql.all<{ id: number; missing: number }>(SHORT).map(({ id, missing }) => [id, missing]),
  );
  for (const agent of lost.flatMap(({ recipients }) => recipients)) {
    const left = (short.get(agent) ?? 0) - 1;
    if (left > 0) short.set(agent, left);
    else short.delete(agent);
  }
  return short;
}

const UNDIGESTED = "UPDATE message SET digest = x'' WHERE seq = ?1";
const ID = 'SELECT seq, id FROM message WHERE seq = ?1';

function alteredOf(sql: Sql, cut: ReadonlySet<number>): readonly { seq: number; id: string }[] {
  const altered = new Map([...alteredMessages(sql)].map((message) => [message.seq, message]));
  for (const seq of cut) {
    const message = sql.get<{ seq: number; id: string }>(ID, seq);
    if (message !== null) altered.set(seq, message);
  }
  // Said once: what is known not to be as it was sent is not found again by every look.
  for (const seq of altered.keys()) sql.run(UNDIGESTED, seq);
  return [...altered.values()];
}

// ---- what follows from the rows ------------------------------------------------------------------------

const SET = `INSERT INTO counter (name, value) VALUES (?1, ?2)
  ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`;
const AUTO_NAMED = `SELECT coalesce(max(CAST(substr(name, 7) AS INTEGER)), 0) AS nth
  FROM agent WHERE name GLOB 'agent-[0-9]*'`;

interface Counted {
  readonly counters: ReadonlyMap<string, number>;
  readonly mark: Mark | null;
  readonly newest: number;
}

function setCounters(sql: Sql, { counters, mark, newest }: Counted): void {
  const named = sql.get<{ nth: number }>(AUTO_NAMED)?.nth ?? 0;
  sql.run(SET, 'agent_name', Math.max(named, counters.get('agent_name') ?? 0));
  // Whoever watches has a cursor: no number is given out twice, not even one of a row that was lost.
  for (const name of ['cursor', 'filed', 'forgotten']) sql.run(SET, name, newest);
  const store = mark === null ? counters.get('store') : Number.parseInt(mark.store, 16);
  if (store !== undefined) sql.run(SET, 'store', store);
  sql.run(SET, 'opened', Math.max(mark?.opened ?? 0, counters.get('opened') ?? 0));
}

const DERIVED = [
  'DELETE FROM membership WHERE topic NOT IN (SELECT id FROM topic) OR agent NOT IN (SELECT id FROM agent)',
  'DELETE FROM mute WHERE agent NOT IN (SELECT id FROM agent) OR sender NOT IN (SELECT id FROM agent)',
  'DELETE FROM forward WHERE agent NOT IN (SELECT id FROM agent)',
  'UPDATE delivery SET lease = NULL WHERE lease IS NOT NULL',
  'UPDATE delivery SET filed = 1 WHERE filed <> 1',
  "UPDATE delivery SET arrived = 0 WHERE state = 'held' AND arrived <> 0",
  "UPDATE delivery SET arrived = 1 WHERE state IN ('queued', 'offered') AND due_at IS NULL AND arrived <> 1",
  'UPDATE delivery SET due_at = NULL WHERE arrived = 1 AND due_at IS NOT NULL',
  // Of what waits nobody knows whether it was handed over: the row that said so may be what was damaged.
  "UPDATE delivery SET attempts = 1 WHERE state = 'queued' AND attempts = 0",
  'INSERT OR IGNORE INTO sent (sender, seq) SELECT sender, seq FROM message',
  'UPDATE agent SET waiting = 0, held = 0, delayed = 0',
  `UPDATE agent SET (waiting, held, delayed) = (c.waiting, c.held, c.delayed)
    FROM (${COUNT_ANEW}, agent FROM delivery WHERE ${UNFINISHED_STATE} GROUP BY agent) c WHERE c.agent = agent.id`,
  `INSERT OR IGNORE INTO message_blob (sha256, message)
    SELECT value ->> 'sha256', seq FROM message, json_each(message.attachments)
    WHERE json_valid(attachments) AND value ->> 'sha256' IS NOT NULL`,
  `INSERT OR IGNORE INTO message_blob (sha256, message)
    SELECT body_blob ->> 'sha256', seq FROM message
    WHERE json_valid(body_blob) AND body_blob ->> 'sha256' IS NOT NULL`,
] as const;

function derive(sql: Sql): void {
  for (const statement of DERIVED) sql.run(statement);
}
