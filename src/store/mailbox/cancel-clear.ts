/** cancel and clear: a message taken back by its sender, a mailbox emptied by its owner. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { DELIVERY, UNREAD_STATE, type DeliveryRow } from './delivery-rows.ts';
import { end } from './expire-bury.ts';

interface Copy extends DeliveryRow {
  readonly name: string;
  /** 1: a reader is being handed it. */
  readonly leased: number;
}

const OWN = 'SELECT seq FROM message WHERE id = ?1 AND sender = ?2';
const COPIES = `SELECT d.place, d.agent, d.message, d.state, d.arrived, a.name, l.id IS NOT NULL AS leased
  FROM delivery d JOIN agent a ON a.id = d.agent LEFT JOIN lease l ON l.id = d.lease
  WHERE d.message = ?1 ORDER BY d.place`;
const WAITING = `SELECT ${DELIVERY} FROM delivery
  WHERE agent = ?1 AND filed = 1 AND arrived = 1 AND ${UNREAD_STATE}`;

export function cancelMethods(engine: Engine): Pick<Store, 'cancel' | 'clear'> {
  const { sql, commits, filing } = engine;
  return {
    cancel: (step) => commits.write(() => cancel(engine, step)),
    clear: ({ agent, now }) =>
      commits.write(() => {
        filing.file();
        const rows = sql.all<DeliveryRow>(WAITING, agent);
        end(engine, { rows, state: 'refused', reason: 'cleared unread', now });
        return { cleared: rows.length };
      }),
  };
}

function cancel(
  engine: Engine,
  { sender, id, now }: { sender: AgentId; id: string; now: number },
): Outcome<{ cancelled: readonly string[]; late: readonly string[] }> {
  const own = engine.sql.get<{ seq: number }>(OWN, id, sender);
  if (own === null) return refuse('no_such_message', `no message ${id} among those you sent`);
  const copies = engine.sql.all<Copy>(COPIES, own.seq);
  const untouched = copies.filter(
    ({ state, leased }) => leased === 0 && (state === 'queued' || state === 'held'),
  );
  end(engine, { rows: untouched, state: 'cancelled', reason: null, now });
  const cancelled = copies.filter((copy) => copy.state === 'cancelled' || untouched.includes(copy));
  const late = copies.filter(
    (copy) =>
      !untouched.includes(copy) && ['queued', 'offered', 'handed', 'seen', 'acked'].includes(copy.state),
  );
  return { ok: true, cancelled: cancelled.map(({ name }) => name), late: late.map(({ name }) => name) };
}
