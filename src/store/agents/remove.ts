/** remove: an agent goes; what it sent stays readable, what it had not read is refused. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { DELIVERY, UNFINISHED_STATE, type DeliveryRow } from '../mailbox/delivery-rows.ts';
import { end } from '../mailbox/expire-bury.ts';
import { agentNamed, anchorOf, sameAnchor, type AgentRow } from './rows.ts';

const UNFINISHED = `SELECT ${DELIVERY} FROM delivery
  WHERE agent = ?1 AND filed = 1 AND ${UNFINISHED_STATE}`;
/** All that refers to an agent by its row, beside mail. */
export const FREE = [
  'DELETE FROM forward WHERE agent = ?1',
  'DELETE FROM membership WHERE agent = ?1',
  'DELETE FROM mute WHERE agent = ?1 OR sender = ?1',
  'DELETE FROM lease WHERE agent = ?1',
  'UPDATE delivery SET reminder = NULL WHERE agent = ?1 AND reminder = 1',
  `UPDATE agent SET name_key = NULL, key_hash = NULL, about = NULL, paused_until = NULL, anchor_pid = NULL,
     anchor_started = NULL WHERE id = ?1`,
] as const;

type Removed = Outcome<{ agent: AgentId; name: string; discarded: number }>;

export function removeMethods(engine: Engine): Pick<Store, 'remove'> {
  return {
    remove: ({ name, force, deadAnchor, now }) =>
      engine.commits.write((): Removed => {
        const row = agentNamed(engine.sql, name);
        if (row === null) return refuse('no_such_agent', `nobody is named ${name}`);
        if (row.kind === 'system') return refuse('not_allowed', 'the system cannot be removed');
        if (row.kind === 'webhook' && !force)
          return refuse('not_allowed', `${row.name} is a webhook: ipc webhook remove ${row.name}`);
        const anchor = sameAnchor(anchorOf(row), deadAnchor) ? null : anchorOf(row);
        const live = engine.presence.of(row.id, now).length > 0;
        if (!force && (live || anchor !== null)) {
          const details = live || anchor === null ? {} : { ...anchor };
          return refuse('name_live', `${row.name} is here`, details);
        }
        const discarded = letGo(engine, row, now);
        return { ok: true, agent: row.id, name: row.name, discarded };
      }),
  };
}

/**
 * The row stays, nameless: receipts name the agent and messages refer to it. It goes when nothing does
 * any more.
 */
export function letGo(engine: Engine, row: Pick<AgentRow, 'id'>, now: number): number {
  const { sql, presence, filing } = engine;
  filing.file();
  const rows = sql.all<DeliveryRow>(UNFINISHED, row.id);
  end(engine, { rows, state: 'refused', reason: 'the agent was removed', now });
  for (const statement of FREE) sql.run(statement, row.id);
  presence.forget(row.id);
  return rows.length;
}
