/** agents and describe: who is known, and what is known of them. */
import type { Store } from '../../core/ports.ts';
import type { AgentId, AgentProfile } from '../../core/records/agents.ts';
import type { Engine } from '../engine/context.ts';
import { begunAnew } from '../mailbox/chain-depth.ts';
import { doorsOf } from '../past/message-rows.ts';
import { AGENT, agentMeant, agentRecord, anchorOf, type AgentRow } from './rows.ts';

const EVERYBODY = `SELECT ${AGENT} FROM agent a
  WHERE a.name_key IS NOT NULL AND (a.kind IS NULL OR a.kind <> 'system') ORDER BY a.name_key`;
const HERE = `SELECT ${AGENT} FROM agent a
  WHERE a.name_key IS NOT NULL AND a.kind <> 'system' AND (a.kind = 'human' OR a.anchor_pid IS NOT NULL
    OR a.id IN (SELECT value FROM json_each(?1))) ORDER BY a.name_key`;
const FORWARDS =
  'SELECT agent, name FROM forward WHERE until > ?1 AND (?2 IS NULL OR agent = ?2) ORDER BY name_key';
const TOPICS = `SELECT s.agent, t.name FROM membership s JOIN topic t ON t.id = s.topic
  WHERE ?1 IS NULL OR s.agent = ?1 ORDER BY t.name_key`;
const DESCRIBE = 'UPDATE agent SET about = coalesce(?2, about), depth = coalesce(?3, depth) WHERE id = ?1';

export function profileMethods(engine: Engine): Pick<Store, 'agents' | 'describe'> {
  return {
    agents: async (query) => profiles(engine, query),
    describe: ({ agent, about, prompted, now }) =>
      engine.commits.write(() => {
        engine.presence.saw(agent, now);
        engine.sql.run(DESCRIBE, agent, about ?? null, prompted ? begunAnew(engine) : null);
      }),
  };
}

function profiles(
  engine: Engine,
  { name, beside, now }: Parameters<Store['agents']>[0],
): readonly AgentProfile[] {
  const { sql, presence } = engine;
  const one = name === null ? null : agentMeant(sql, name, now);
  if (name !== null && (one === null || one.kind === 'system')) return [];
  const all = (): AgentRow[] =>
    beside === undefined
      ? sql.all(EVERYBODY)
      : sql.all(HERE, JSON.stringify([...beside, ...presence.here(now)]));
  const rows = one === null ? all() : [one];
  const id = one?.id ?? null;
  const forwards = namesByAgent(sql.all(FORWARDS, now, id));
  const topics = namesByAgent(sql.all(TOPICS, id));
  return rows.map((row) => profile(engine, row, { now, forwards, topics }));
}

type Names = ReadonlyMap<AgentId, readonly string[]>;

function namesByAgent(rows: readonly { agent: AgentId; name: string }[]): Names {
  const names = new Map<AgentId, string[]>();
  for (const { agent, name } of rows) {
    const known = names.get(agent) ?? [];
    known.push(name);
    names.set(agent, known);
  }
  return names;
}

function profile(
  { presence }: Engine,
  row: AgentRow,
  around: { now: number; forwards: Names; topics: Names },
): AgentProfile {
  const seen = Math.max(row.seen_at ?? 0, presence.seenAt(row.id) ?? 0);
  return {
    ...agentRecord(row),
    unborn: row.kind === null,
    anchor: anchorOf(row),
    seenAt: seen === 0 ? null : seen,
    waiting: row.waiting,
    held: row.held,
    sessions: presence.of(row.id, around.now),
    confirmedDoors: doorsOf(row.confirmed_doors),
    forwards: around.forwards.get(row.id) ?? [],
    topics: around.topics.get(row.id) ?? [],
  };
}
