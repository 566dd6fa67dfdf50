/** The agent table: its rows, and who a name means. */
import type { AgentId, AgentRecord, Anchor } from '../../core/records/agents.ts';
import type { Kind } from '../../protocol/model.ts';
import { nameKey, type AgentName } from '../../protocol/names.ts';
import type { Sql } from '../engine/connection.ts';

export interface AgentRow {
  readonly id: AgentId;
  readonly name: AgentName;
  /** Null: unborn, that is, it has mail, but nobody has taken the name yet. */
  readonly kind: Kind | null;
  readonly key_hash: Uint8Array | null;
  readonly seen_at: number | null;
  readonly about: string | null;
  readonly paused_until: number | null;
  readonly chain: number;
  /** The longest of what ever arrived, read or not. */
  readonly heard: number;
  readonly waiting: number;
  readonly held: number;
  readonly delayed: number;
  readonly last_from: number | null;
  readonly auto_named: number;
  readonly anchor_pid: number | null;
  readonly anchor_started: string | null;
  readonly confirmed_doors: string;
}

export const AGENT = `a.id, a.name, a.kind, a.key_hash, a.seen_at, a.about, a.paused_until, a.depth AS chain, a.heard,
  a.waiting, a.held, a.delayed, a.last_from, a.auto_named, a.anchor_pid, a.anchor_started, a.confirmed_doors`;

// An agent that was removed keeps its row, without a name_key, and must not be found any more.
const BY_ID = `SELECT ${AGENT} FROM agent a WHERE a.id = ?1 AND a.name_key IS NOT NULL`;
const BY_NAME = `SELECT ${AGENT} FROM agent a WHERE a.name_key = ?1`;
const BY_FORWARD = `SELECT ${AGENT} FROM forward f JOIN agent a ON a.id = f.agent
  WHERE f.name_key = ?1 AND f.until > ?2`;

export function agentById(sql: Sql, id: AgentId): AgentRow | null {
  return sql.get(BY_ID, id);
}

export function agentNamed(sql: Sql, name: string): AgentRow | null {
  return sql.get(BY_NAME, nameKey(name));
}

/** The agent whose older name this is. */
export function agentForwarded(sql: Sql, name: string, now: number): AgentRow | null {
  return sql.get(BY_FORWARD, nameKey(name), now);
}

export function agentMeant(sql: Sql, name: string, now: number): AgentRow | null {
  return agentNamed(sql, name) ?? agentForwarded(sql, name, now);
}

/** An unborn agent has no kind yet; `script` is the kind with the fewest rights. */
export function agentRecord(row: AgentRow): AgentRecord {
  const { id, name, about } = row;
  return { id, name, kind: row.kind ?? 'script', pausedUntil: row.paused_until, about };
}

export function isPaused(row: Pick<AgentRow, 'paused_until'>, now: number): boolean {
  return row.paused_until !== null && row.paused_until > now;
}

/** The pause is over, but what it held was not let through yet. */
export function pauseLapsed(row: Pick<AgentRow, 'paused_until'>, now: number): boolean {
  return row.paused_until !== null && row.paused_until <= now;
}

export function anchorOf(row: Pick<AgentRow, 'anchor_pid' | 'anchor_started'>): Anchor | null {
  if (row.anchor_pid === null || row.anchor_started === null) return null;
  return { pid: row.anchor_pid, startedAt: row.anchor_started };
}

export function sameAnchor(one: Anchor | null, other: Anchor | null): boolean {
  return one !== null && other !== null && one.pid === other.pid && one.startedAt === other.startedAt;
}

const BEAR = `INSERT INTO agent (name, name_key, kind, key_hash, created_at, seen_at, auto_named)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id`;
const DROP_FORWARD = 'DELETE FROM forward WHERE name_key = ?1';

export interface Newcomer {
  readonly name: AgentName;
  readonly kind: Kind | null;
  readonly keyHash: Uint8Array | null;
  readonly autoNamed?: boolean;
  readonly now: number;
}

/** A row for a name nobody has. */
export function insertAgent(sql: Sql, newcomer: Newcomer): AgentId {
  const { name, kind, keyHash, now } = newcomer;
  sql.run(DROP_FORWARD, nameKey(name));
  const seen = kind === null ? null : now;
  const auto = newcomer.autoNamed === true ? 1 : 0;
  const row = sql.get<{ id: AgentId }>(BEAR, name, nameKey(name), kind, keyHash, now, seen, auto);
  if (row === null) throw new Error('an insert returned no row');
  return row.id;
}
