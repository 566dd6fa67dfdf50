/**
 * past/: messages read back, by number, by list or by word. It changes nothing but the search index.
 *
 * past and search: what was sent and received, as far as the viewer may see it.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { PastQuery } from '../../core/records/reading.ts';
import { agentMeant } from '../agents/rows.ts';
import type { Value } from '../engine/connection.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { EXCEPTIONAL_STATE, exceptionalStates } from '../mailbox/delivery-rows.ts';
import { fileAll } from '../mailbox/filing.ts';
import { pastRecords, type Found } from './messages.ts';
import { SEQ_OF_ROW, catchUp, partyWord } from './search-index.ts';
import { parseSearch, snippetOf } from './search-query.ts';

export function historyMethods(engine: Engine): Pick<Store, 'past' | 'search'> {
  const { sql } = engine;
  return {
    past: async (query) => {
      await fileAll(engine);
      return pastRecords(sql, find(engine, query));
    },
    search: async ({ viewer, text, limit }) => {
      const query = parseSearch(text);
      if (query === null) {
        return refuse('invalid_data', `wanted a word to look for, found ${JSON.stringify(text)}`);
      }
      await catchUp(engine);
      const words = `{body files} : (${query.expression})`;
      const expression = viewer === null ? words : `{party} : "${partyWord(viewer)}" AND ${words}`;
      const rows = sql.all<Found>(SEARCH, expression, viewer, limit);
      return { ok: true, found: pastRecords(sql, rows, ({ body }) => snippetOf(body, query.words)) };
    },
  };
}

const RECEIVED =
  'EXISTS (SELECT 1 FROM delivery v WHERE v.message = m.seq AND v.agent = ?2 AND v.arrived = 1)';
const VISIBLE = `(?2 IS NULL OR m.sender = ?2 OR ${RECEIVED})`;
/** A message passed on to somebody may be read by them, though it was never sent to them. */
const PASSED_ON = `EXISTS (SELECT 1 FROM message f WHERE f.forward_of = m.id AND (f.sender = ?2 OR EXISTS (
  SELECT 1 FROM delivery v WHERE v.message = f.seq AND v.agent = ?2 AND v.arrived = 1)))`;

// Newest first, which lets the index stop after so many; a ranking would look at every hit there is.
const SEARCH = `SELECT m.seq, m.seq AS cursor FROM message_index i JOIN message m ON m.seq = ${SEQ_OF_ROW}
  WHERE message_index MATCH ?1 AND ${VISIBLE} ORDER BY i.rowid LIMIT ?3`;

const BY_ID = `SELECT m.seq, m.seq AS cursor FROM message m WHERE m.id = ?1 AND (${VISIBLE} OR ${PASSED_ON})`;

// ---- lists -------------------------------------------------------------------------------------------

const EXCEPTIONAL: ReadonlySet<string> = new Set(exceptionalStates);
const EXCEPTIONAL_ONE = `d.state = ?6 AND d.${EXCEPTIONAL_STATE}`;

/** ?1 bound · ?2 viewer · ?3 limit · ?4 other party · ?5 topic · ?6 state · ?7 thread */
const SENT_TO = '(?4 IS NULL OR EXISTS (SELECT 1 FROM delivery o WHERE o.message = m.seq AND o.agent = ?4))';
const TO_TOPIC = '(?5 IS NULL OR instr(lower(m.addressed), ?5) > 0)';
const SOME_STATE =
  '(?6 IS NULL OR EXISTS (SELECT 1 FROM delivery s WHERE s.message = m.seq AND s.state = ?6))';
const IN_THREAD = '(?7 IS NULL OR m.thread = ?7)';

const SENT = `SELECT m.seq, s.seq AS cursor FROM sent s JOIN message m ON m.seq = s.seq
  WHERE s.sender = ?2 AND ${SENT_TO} AND ${TO_TOPIC} AND ${SOME_STATE} AND ${IN_THREAD} AND s.seq`;
const GOT = `SELECT m.seq, d.place AS cursor FROM delivery d JOIN message m ON m.seq = d.message
  WHERE d.agent = ?2 AND d.filed = 1 AND d.arrived = 1 AND m.sender <> ?2 AND (?4 IS NULL OR m.sender = ?4) AND ${TO_TOPIC}
    AND (?6 IS NULL OR d.state = ?6) AND ${IN_THREAD} AND d.place`;
const ANY = `SELECT m.seq, m.seq AS cursor FROM message m
  WHERE (?4 IS NULL OR m.sender = ?4 OR ${SENT_TO}) AND ${TO_TOPIC} AND ${SOME_STATE} AND ${IN_THREAD} AND ${VISIBLE} AND m.seq`;
const OF_THREAD = `SELECT m.seq, m.seq AS cursor FROM message m INDEXED BY message_thread
  WHERE m.thread = ?7 AND m.thread <> m.id AND ${VISIBLE} AND (?4 IS NULL OR m.sender = ?4 OR ${SENT_TO}) AND ${TO_TOPIC}
    AND ${SOME_STATE} AND m.seq`;
const ROOT_OF_THREAD = `SELECT m.seq, m.seq AS cursor FROM message m
  WHERE m.id = ?7 AND m.thread = m.id AND ${VISIBLE} AND (?4 IS NULL OR m.sender = ?4 OR ${SENT_TO}) AND ${TO_TOPIC}
    AND ${SOME_STATE} AND m.seq`;
const OF_STATE = `SELECT DISTINCT m.seq, m.seq AS cursor FROM delivery d JOIN message m ON m.seq = d.message
  WHERE ${EXCEPTIONAL_ONE} AND (?2 IS NULL OR m.sender = ?2 OR (d.agent = ?2 AND d.arrived = 1))
    AND (?4 IS NULL OR m.sender = ?4 OR d.agent = ?4) AND ${TO_TOPIC} AND ${IN_THREAD} AND d.message`;

interface Listing {
  readonly sql: string;
  readonly order: string;
}
const lists = {
  sent: { sql: SENT, order: 's.seq' },
  got: { sql: GOT, order: 'd.place' },
  any: { sql: ANY, order: 'm.seq' },
  ofThread: { sql: OF_THREAD, order: 'm.seq' },
  rootOfThread: { sql: ROOT_OF_THREAD, order: 'm.seq' },
  ofState: { sql: OF_STATE, order: 'd.message' },
} as const satisfies Record<string, Listing>;

function find(engine: Engine, query: PastQuery): readonly Found[] {
  const { sql } = engine;
  const { viewer, id, thread, state, limit } = query;
  if (id !== null) return sql.all<Found>(BY_ID, id, viewer);
  const party = partyOf(engine, query);
  if (party === undefined) return [];
  const forward = query.after !== null;
  const bound = forward ? (query.after ?? 0) : (query.before ?? Number.MAX_SAFE_INTEGER);
  const topic = query.with === null || query.with.kind === 'agent' ? null : addressedTo(query.with);
  const values: Value[] = [bound, viewer, limit, party, topic, state, thread];
  const rows = sourcesOf(query).flatMap(({ sql: list, order }) =>
    sql.all<Found>(
      `${list} ${forward ? '>' : '<'} ?1 ORDER BY ${order} ${forward ? '' : 'DESC'} LIMIT ?3`,
      ...values,
    ),
  );
  rows.sort((one, other) => (forward ? one.cursor - other.cursor : other.cursor - one.cursor));
  return rows.slice(0, limit);
}

/** The lists whose sum is the answer; each stops at the limit by itself. */
function sourcesOf({ viewer, thread, state, sentByViewer }: PastQuery): readonly Listing[] {
  if (viewer !== null && sentByViewer) return [lists.sent];
  if (thread !== null) return [lists.rootOfThread, lists.ofThread];
  if (state !== null && EXCEPTIONAL.has(state)) return [lists.ofState];
  return viewer === null ? [lists.any] : [lists.sent, lists.got];
}

/** As the time of a look-up: also forwards that have lapsed, since the past keeps the names it was written under. */
const LAPSED_FORWARDS_TOO = Number.MIN_SAFE_INTEGER;

/** Undefined: nobody has that name, so nothing was exchanged with them. */
function partyOf({ sql }: Engine, query: PastQuery): AgentId | null | undefined {
  if (query.with?.kind !== 'agent') return null;
  return agentMeant(sql, query.with.name, LAPSED_FORWARDS_TOO)?.id;
}

function addressedTo(address: { kind: 'topic'; name: string } | { kind: 'all' }): string {
  return JSON.stringify(address.kind === 'all' ? '@all' : `#${address.name.toLowerCase()}`);
}
