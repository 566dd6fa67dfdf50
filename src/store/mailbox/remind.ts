/** remind: an open request is recalled once to whoever was handed it, and its sender learns so. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Compose } from '../../core/records/upkeep.ts';
import type { Engine } from '../engine/context.ts';
import { notify } from './notices.ts';

interface Open {
  readonly place: number;
  readonly id: string;
  readonly sender: AgentId;
  readonly sender_name: string;
  readonly thread: string;
  readonly body: string;
  readonly recipient: string;
}

const OPEN = `SELECT d.place, m.id, m.sender, s.name AS sender_name, m.thread, m.body, a.name AS recipient
  FROM delivery d JOIN message m ON m.seq = d.message JOIN agent a ON a.id = d.agent JOIN agent s ON s.id = m.sender
  WHERE d.agent = ?1 AND d.reminder = 1 ORDER BY d.place`;
const REMINDED = 'UPDATE delivery SET reminder = 0 WHERE place = ?1';

export function remindMethods(engine: Engine): Pick<Store, 'remind'> {
  const { sql, commits } = engine;
  return {
    remind: async (step) => {
      if (sql.get(OPEN, step.agent) === null) return { ids: [], wake: [] };
      return commits.write(() => remind(engine, step));
    },
  };
}

function remind(
  engine: Engine,
  { agent, now, compose }: { agent: AgentId; now: number; compose: Compose },
): { ids: readonly string[]; wake: readonly AgentId[] } {
  const open = engine.sql.all<Open>(OPEN, agent);
  const wake = new Set<AgentId>();
  for (const { place, id: messageId, sender, sender_name, thread, body, recipient } of open) {
    engine.sql.run(REMINDED, place);
    const reminder = compose({ kind: 'reminder', messageId, sender: sender_name, body });
    const unanswered = compose({ kind: 'unanswered', messageId, recipient, body });
    for (const told of notify(engine, { text: reminder, to: [agent], thread, now })) wake.add(told);
    for (const told of notify(engine, { text: unanswered, to: [sender], thread, now })) wake.add(told);
  }
  return { ids: open.map(({ id }) => id), wake: [...wake] };
}
