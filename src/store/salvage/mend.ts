/**
 * Rows that were lost and that others still tell of: an index names each delivery again, each agent and topic
 * by its name; a message names its recipients. What only a guess could fill is left as at the beginning: a
 * delivery of unknown state is offered again, a name without its key belongs to whoever comes for it first.
 */
import { nameKey } from '../../protocol/names.ts';
import type { Sql } from '../engine/connection.ts';
import { fits } from './gather.ts';
import type { Forest } from './trees.ts';

export interface Owner {
  /** Hash of the key that this user's home keeps for a name. */
  readonly keyOf: (name: string) => Uint8Array | null;
  readonly now: number;
}

// ---- agents and topics ---------------------------------------------------------------------------------

const WANTED = `SELECT DISTINCT id FROM (
    SELECT agent AS id FROM delivery UNION SELECT sender FROM message UNION SELECT agent FROM membership
    UNION SELECT agent FROM forward)
  WHERE id NOT IN (SELECT id FROM agent)`;
const SPOKE = `SELECT sender_name AS name, sender_kind AS kind FROM message WHERE sender = ?1
  ORDER BY seq DESC LIMIT 1`;
const NEW_AGENT = `INSERT OR IGNORE INTO agent (id, name, name_key, kind, key_hash, created_at, seen_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`;
const NEW_TOPIC = 'INSERT OR IGNORE INTO topic (id, name, name_key) VALUES (?1, ?2, ?2)';
const TAKEN = 'SELECT 1 FROM agent WHERE name_key = ?1';
const SYSTEM = `INSERT OR IGNORE INTO agent (id, name, name_key, kind, created_at)
  VALUES (1, 'system', 'system', 'system', 0)`;

/** Returns the names of the agents that were made again, and of those whose key is not known. */
export function mendAgents(sql: Sql, forest: Forest, owner: Owner): { made: string[]; keyless: string[] } {
  sql.run(SYSTEM);
  for (const [id, key] of namesIn(forest, 'sqlite_autoindex_topic_1')) sql.run(NEW_TOPIC, id, key);
  const keys = namesIn(forest, 'sqlite_autoindex_agent_1');
  const wanted = new Set(sql.all<{ id: number }>(WANTED).map(({ id }) => id));
  if (forest.faultsOf('agent') > 0) for (const id of keys.keys()) wanted.add(id);
  const made: string[] = [];
  const keyless: string[] = [];
  const allKeysRead = forest.faultsOf('sqlite_autoindex_agent_1') === 0 && !forest.torn;
  for (const id of [...wanted].toSorted((one, other) => one - other)) {
    const spoke = sql.get<{ name: string; kind: string }>(SPOKE, id);
    const key = keys.get(id);
    const name = spoke !== null && (key === undefined || nameKey(spoke.name) === key) ? spoke.name : key;
    // A removed agent keeps its row, nameless: the index would have had its name.
    const isGone =
      key === undefined && (allKeysRead || name === undefined || sql.get(TAKEN, nameKey(name)) !== null);
    const hash = isGone || name === undefined ? null : owner.keyOf(name);
    const kind = hash === null && !isGone ? null : (spoke?.kind ?? 'script');
    const shown = name ?? `lost-${id}`;
    const seen = kind === null ? null : owner.now;
    const added = sql.run(NEW_AGENT, id, shown, isGone ? null : nameKey(shown), kind, hash, owner.now, seen);
    if (added === 0 || isGone) continue;
    made.push(shown);
    if (hash === null) keyless.push(shown);
  }
  return { made, keyless };
}

function namesIn(forest: Forest, index: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const cell of forest.cells(index)) {
    const [key, id] = cell?.values ?? [];
    if (typeof key === 'string' && typeof id === 'number') names.set(id, key);
  }
  return names;
}

// ---- deliveries ----------------------------------------------------------------------------------------

const NEW_DELIVERY = `INSERT OR IGNORE INTO delivery
    (place, message, agent, filed, arrived, state, bytes, attempts, due_at, asked, forwarded)
  SELECT ?1, m.seq, ?3, 1, ?4, ?5, length(CAST(m.body AS BLOB)), ?6, ?7,
    coalesce((SELECT name FROM agent WHERE id = ?3), ''), 0
  FROM message m WHERE m.seq = ?2`;

/**
 * Returns how many deliveries were made again. Asked whether or not a page is at fault: a row with one wrong bit may
 * be none any more. An entry that has the wrong bit itself makes nothing: its place is taken, or its message has it.
 */
export function mendDeliveries(sql: Sql, forest: Forest): number {
  const known = knownStates(forest);
  let made = 0;
  const told = [...forest.cells('delivery_message'), ...forest.unfinished('delivery_message')];
  for (const cell of told) {
    if (cell === null || !fits(cell.values, ['number', 'number', 'number'])) continue;
    const [message = 0, agent = 0, place = 0] = cell.values as number[];
    const { state, arrived, dueAt } = known(place);
    const attempts = state === 'queued' && dueAt === null ? 1 : 0;
    made += sql.run(NEW_DELIVERY, place, message, agent, arrived, state, attempts, dueAt);
  }
  return made;
}

interface Known {
  readonly state: string;
  readonly arrived: 0 | 1;
  readonly dueAt: number | null;
}

/** The partial indexes tell of each delivery that is not finished, and of how some ended. */
function knownStates(forest: Forest): (place: number) => Known {
  const held = placesIn(forest, 'delivery_held', 1);
  const unread = placesIn(forest, 'delivery_unread', 1);
  const due = new Map<number, number>();
  for (const cell of forest.cells('delivery_due')) {
    const [at, place] = cell?.values ?? [];
    if (typeof at === 'number' && typeof place === 'number') due.set(place, at);
  }
  const ended = new Map<number, string>();
  for (const cell of forest.cells('delivery_outcome')) {
    const [state, , place] = cell?.values ?? [];
    if (typeof state === 'string' && typeof place === 'number') ended.set(place, state);
  }
  const filed = countOf(forest, 'filed');
  // Of a torn log the index may be older than the delivery; what retention may have deleted is finished anyway.
  const finishedTo = forest.torn ? Math.min(filed, countOf(forest, 'forgotten')) : filed;
  const isComplete = forest.faultsOf('delivery_unread') === 0;
  return (place) => {
    const dueAt = due.get(place);
    if (dueAt !== undefined) return { state: 'queued', arrived: 0, dueAt };
    if (held.has(place)) return { state: 'held', arrived: 0, dueAt: null };
    const outcome = ended.get(place);
    if (outcome !== undefined) {
      const arrived = outcome === 'dead' || outcome === 'expired' ? 1 : 0;
      return { state: outcome, arrived, dueAt: null };
    }
    const isFinished = isComplete && place <= finishedTo && !unread.has(place);
    return { state: isFinished ? 'handed' : 'queued', arrived: 1, dueAt: null };
  };
}

function placesIn(forest: Forest, index: string, at: number): ReadonlySet<number> {
  const places = new Set<number>();
  for (const cell of forest.cells(index)) {
    const place = cell?.values[at];
    if (typeof place === 'number') places.add(place);
  }
  return places;
}

function countOf(forest: Forest, name: string): number {
  for (const cell of forest.cells('counter')) {
    const [counter, value] = cell?.values ?? [];
    if (counter === name && typeof value === 'number') return value;
  }
  return 0;
}

const UNADDRESSED = `SELECT seq, addressed FROM message m
  WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE message = m.seq)`;
const NAMED = `SELECT id FROM agent WHERE name_key = ?1
  UNION SELECT agent FROM forward WHERE name_key = ?1`;

/** Says of a message without any delivery whether it has lost it. */
export type Unaddressed = (seq: number) => boolean;

/**
 * With frames of the log lost, the page that tells of a message may be older than the deletion of it. So it must
 * lie on a page of the newest there are, or the index of ids must know it too; and up to the newest number that
 * was given out when anything was deleted, it stays without.
 */
export function unaddressedIn(forest: Forest, late: ReadonlySet<number>): Unaddressed {
  if (forest.faultsOf('delivery') > 0 && forest.faultsOf('delivery_message') > 0) return () => true;
  if (!forest.torn) return () => false;
  const forgotten = countOf(forest, 'forgotten');
  const named = placesIn(forest, 'sqlite_autoindex_message_1', 1);
  return (seq) => seq > forgotten && (late.has(seq) || named.has(seq));
}

/** Messages none of whose deliveries is known: who they were for stands in themselves. */
export function mendAddressed(sql: Sql, isLost: Unaddressed, next: () => number): number {
  let made = 0;
  for (const { seq, addressed } of sql.all<{ seq: number; addressed: string }>(UNADDRESSED)) {
    if (!isLost(seq)) continue;
    for (const name of namesOf(addressed)) {
      const agent = sql.get<{ id: number }>(NAMED, nameKey(name));
      if (agent !== null) made += sql.run(NEW_DELIVERY, next(), seq, agent.id, 1, 'queued', 1, null);
    }
  }
  return made;
}

function namesOf(addressed: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(addressed);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}
