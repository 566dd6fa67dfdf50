/**
 * The order of each mailbox, written behind the sends. Indexes by agent dirty a page or two for every
 * mailbox a turn touches, each of them written whole to the log: with them a durable send to one of many
 * mailboxes wrote five pages, without them one. So a fresh delivery is known to its mailbox in memory
 * first (`fresh`, a temporary table, which takes part in transactions), and some hundreds are filed at
 * a time. Nothing is lost with the memory: what is not filed is found again by its number.
 */
import type { AgentId } from '../../core/records/agents.ts';
import type { Sql } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import type { Sequence } from '../engine/sequence.ts';

/** So many fresh ones are filed in one go: some milliseconds, once in so many sends. */
const FILE_AT = 2_048;

const FRESH = `CREATE TEMP TABLE fresh (agent INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (agent, place))
  WITHOUT ROWID`;
const FILED = "(SELECT value FROM counter WHERE name = 'filed')";
const FIND_FRESH = `INSERT INTO fresh SELECT agent, place FROM delivery
  WHERE place > ${FILED} AND filed = 0 AND arrived = 1`;
const ADD = 'INSERT INTO fresh (agent, place) VALUES (?1, ?2)';
const DROP = 'DELETE FROM fresh WHERE agent = ?1 AND place IN (SELECT value FROM json_each(?2))';
const FILE = 'UPDATE delivery SET filed = 1 WHERE place IN (SELECT place FROM fresh)';
const FILE_SENT = `INSERT INTO sent SELECT sender, seq FROM message WHERE seq > ${FILED} ORDER BY sender, seq`;
const SET_FILED = "UPDATE counter SET value = ?1 WHERE name = 'filed'";
const EMPTY = 'DELETE FROM fresh';

const COMPLETE = `SELECT NOT EXISTS (SELECT 1 FROM fresh)
  AND coalesce((SELECT max(seq) FROM message), 0) <= ${FILED} AS complete`;

export class Filing {
  readonly #sql: Sql;
  readonly #sequence: Sequence;
  /** About how many are fresh (a rolled-back turn is still counted): only decides when to file. */
  #count: number;

  constructor(sql: Sql, sequence: Sequence) {
    this.#sql = sql;
    this.#sequence = sequence;
    sql.run(FRESH);
    this.#count = sql.run(FIND_FRESH);
  }

  /** A delivery that has just arrived, in the transaction that inserts it. */
  add(agent: AgentId, place: number): void {
    this.#sql.run(ADD, agent, place);
    this.#count += 1;
  }

  /** Forgets deliveries that the caller has marked as filed itself. */
  drop(agent: AgentId, places: readonly number[]): void {
    this.#sql.run(DROP, agent, JSON.stringify(places));
  }

  /** Last writes of a turn: files when enough is waiting. */
  settle(): void {
    if (this.#count >= FILE_AT) this.file();
  }

  /** Needed before a statement that finds deliveries by agent; in the same transaction. */
  file(): void {
    if (this.complete) return;
    this.#sql.run(FILE);
    this.#sql.run(FILE_SENT);
    this.#sql.run(SET_FILED, this.#sequence.newest);
    this.#sql.run(EMPTY);
    this.#count = 0;
  }

  get complete(): boolean {
    return this.#sql.get<{ complete: number }>(COMPLETE)?.complete === 1;
  }
}

/** For a question by agent outside any transaction; nothing is written when everything is filed. */
export async function fileAll({ filing, commits }: Engine): Promise<void> {
  if (!filing.complete) await commits.write(() => filing.file());
}

/** The first so many of two lists that are each in order of arrival. */
export function inOrder<Row extends { readonly place: number }>(
  filed: readonly Row[],
  fresh: readonly Row[],
  limit: number,
): readonly Row[] {
  if (fresh.length === 0) return filed;
  return [...filed, ...fresh].sort((one, other) => one.place - other.place).slice(0, limit);
}
