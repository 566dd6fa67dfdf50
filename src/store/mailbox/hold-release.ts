/** pause, mute, release: messages that wait for somebody's word, and how they are let through. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Outcome } from '../../core/outcome.ts';
import { agentById, agentMeant } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { isStored } from '../past/messages.ts';
import { begunAnew } from './chain-depth.ts';
import { Counts } from './counts.ts';

export const PAUSED = 'paused';
export const MUTED = 'muted';

export interface HeldRow {
  readonly place: number;
  readonly agent: AgentId;
  readonly message: number;
  readonly sender: AgentId;
  readonly not_before: number | null;
  readonly reason: string | null;
}

export interface Released {
  readonly released: number;
  readonly wake: readonly AgentId[];
}

const HELD = `SELECT d.place, d.agent, d.message, m.sender, m.not_before, d.reason
  FROM delivery d JOIN message m ON m.seq = d.message WHERE d.state = 'held'`;
const HELD_HERE = `${HELD} AND d.agent = ?1 AND d.reason = ?2 ORDER BY d.place`;
const HELD_FROM = `${HELD} AND d.agent = ?1 AND d.reason = ?2 AND m.sender = ?3 ORDER BY d.place`;
const HELD_OF = `${HELD} AND d.message = (SELECT seq FROM message WHERE id = ?1) ORDER BY d.place`;
const HELD_ABOUT = `${HELD} AND (d.agent = ?1 OR m.sender = ?1) ORDER BY d.place`;
const HELD_ALL = `${HELD} ORDER BY d.place`;

const ARRIVE = `UPDATE delivery SET place = ?2, arrived = 1, state = 'queued', reason = NULL, due_at = NULL
  WHERE place = ?1`;
const DELAY = `UPDATE delivery SET state = 'queued', reason = NULL, due_at = ?2 WHERE place = ?1`;

/** They arrive in the order given; one whose `notBefore` is still to come is delayed until then instead. */
export function letThrough({ sql, sequence }: Engine, rows: readonly HeldRow[], now: number): Released {
  const counts = new Counts();
  const wake = new Set<AgentId>();
  for (const row of rows) {
    if (row.not_before !== null && row.not_before > now) {
      sql.run(DELAY, row.place, row.not_before);
      counts.move(row.agent, { from: 'held', to: 'delayed' });
      continue;
    }
    sql.run(ARRIVE, row.place, sequence.next());
    counts.move(row.agent, { from: 'held', to: 'waiting' });
    wake.add(row.agent);
  }
  counts.save(sql);
  return { released: rows.length, wake: [...wake] };
}

const HOLD = `UPDATE delivery SET state = 'held', reason = ?2, due_at = NULL WHERE place = ?1`;

/** Delayed ones whose time has come; one with a reason is held instead. Returns whose mailboxes got something. */
export function arriveDue({ sql, sequence }: Engine, rows: readonly HeldRow[]): readonly AgentId[] {
  const counts = new Counts();
  const wake = new Set<AgentId>();
  for (const row of rows) {
    counts.move(row.agent, { from: 'delayed', to: row.reason === null ? 'waiting' : 'held' });
    if (row.reason !== null) {
      sql.run(HOLD, row.place, row.reason);
      continue;
    }
    sql.run(ARRIVE, row.place, sequence.next());
    wake.add(row.agent);
  }
  counts.save(sql);
  return [...wake];
}

const SET_PAUSE = 'UPDATE agent SET paused_until = ?2 WHERE id = ?1';

export function endPause(engine: Engine, agent: AgentId, now: number): Released {
  engine.sql.run(SET_PAUSE, agent, null);
  return letThrough(engine, engine.sql.all<HeldRow>(HELD_HERE, agent, PAUSED), now);
}

const MUTE = 'INSERT OR IGNORE INTO mute (agent, sender, since) VALUES (?1, ?2, ?3)';
const UNMUTE = 'DELETE FROM mute WHERE agent = ?1 AND sender = ?2';
/** A person who releases begins the chain anew, of the messages let through and of both their agents. */
const ANEW = 'UPDATE message SET depth = ?2 WHERE seq = ?1';
const AGENT_ANEW = 'UPDATE agent SET depth = ?2 WHERE id = ?1';

export function holdMethods(engine: Engine): Pick<Store, 'pause' | 'mute' | 'release'> {
  const { sql, commits } = engine;
  return {
    pause: ({ agent, until, now }) =>
      commits.write(() => {
        if (until !== null) {
          sql.run(SET_PAUSE, agent, until);
          return { released: 0, wake: [] };
        }
        const ended = endPause(engine, agent, now);
        const waiting = agentById(sql, agent)?.waiting ?? 0;
        return { released: ended.released, wake: waiting > 0 ? [agent] : [] };
      }),
    mute: ({ agent, name, muted, now }) =>
      commits.write((): Outcome<Released> => {
        if (agentById(sql, agent) === null) return refuse('not_registered', 'the agent was removed');
        const sender = agentMeant(sql, name, now);
        if (sender === null) return refuse('no_such_agent', `nobody named ${name} was ever here`);
        if (muted) {
          sql.run(MUTE, agent, sender.id, now);
          return { ok: true, released: 0, wake: [] };
        }
        sql.run(UNMUTE, agent, sender.id);
        const held = sql.all<HeldRow>(HELD_FROM, agent, MUTED, sender.id);
        return { ok: true, ...letThrough(engine, held, now) };
      }),
    release: (step) => commits.write(() => release(engine, step)),
  };
}

function release(engine: Engine, { id, name, now }: Parameters<Store['release']>[0]): Outcome<Released> {
  const { sql } = engine;
  if (id !== null && !isStored(sql, id)) {
    return refuse('no_such_message', `no message ${id} was ever sent`);
  }
  const about = name === null ? null : agentMeant(sql, name, now);
  if (name !== null && about === null) return refuse('no_such_agent', `nobody named ${name} was ever here`);
  const rows = heldRows(engine, { id, about: about?.id ?? null }).filter(
    (row) => id === null || about === null || row.agent === about.id || row.sender === about.id,
  );
  const anew = begunAnew(engine);
  for (const row of rows) {
    sql.run(ANEW, row.message, anew);
    if (row.reason === PAUSED || row.reason === MUTED) continue;
    for (const agent of [row.sender, row.agent]) sql.run(AGENT_ANEW, agent, anew);
  }
  return { ok: true, ...letThrough(engine, rows, now) };
}

function heldRows({ sql }: Engine, which: { id: string | null; about: AgentId | null }): HeldRow[] {
  if (which.id !== null) return sql.all<HeldRow>(HELD_OF, which.id);
  if (which.about !== null) return sql.all<HeldRow>(HELD_ABOUT, which.about);
  return sql.all<HeldRow>(HELD_ALL);
}
