/** rename: mailbox, topics and threads stay where they are; the old name leads to them for a while. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import type { Outcome } from '../../core/outcome.ts';
import { nameKey } from '../../protocol/names.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { Counts, bucketOf } from '../mailbox/counts.ts';
import { DELIVERY, type DeliveryRow } from '../mailbox/delivery-rows.ts';
import { notify } from '../mailbox/notices.ts';
import { reindex } from '../past/search-index.ts';
import { nameInTheWay } from './enter-claim.ts';
import { agentById, type AgentRow } from './rows.ts';

type Renaming = Parameters<Store['rename']>[0];

const RENAME = 'UPDATE agent SET name = ?2, name_key = ?3, auto_named = 0, seen_at = ?4 WHERE id = ?1';
const DROP_FORWARD = 'DELETE FROM forward WHERE name_key = ?1';
const FORWARD = 'INSERT INTO forward (name_key, name, agent, until) VALUES (?1, ?2, ?3, ?4)';
/** Only the last 5,000 deliveries are looked at; older correspondents of a busy agent are not told. */
const CORRESPONDENTS = `SELECT DISTINCT sender FROM (
    SELECT m.sender, m.sent_at FROM delivery d JOIN message m ON m.seq = d.message
    WHERE d.agent = ?1 AND d.filed = 1 ORDER BY d.place DESC LIMIT 5000)
  WHERE sent_at >= ?2 AND sender <> ?1`;

export function renameMethods(engine: Engine): Pick<Store, 'rename'> {
  return { rename: (change) => engine.commits.write(() => rename(engine, change)) };
}

function rename(
  engine: Engine,
  change: Renaming,
): Outcome<{ from: string; told: number; wake: readonly AgentId[] }> {
  const { sql } = engine;
  const { agent, name, until, now } = change;
  engine.filing.file();
  const before = agentById(sql, agent);
  if (before === null) return refuse('not_registered', 'the agent was removed');
  const obstacle = nameInTheWay(engine, { agent, name, now });
  if ('refusal' in obstacle) return obstacle.refusal;
  if (obstacle.unborn !== null) inherit(engine, obstacle.unborn, agent);
  sql.run(DROP_FORWARD, nameKey(name));
  sql.run(RENAME, agent, name, nameKey(name), now);
  if (nameKey(before.name) === nameKey(name)) return { ok: true, from: before.name, told: 0, wake: [] };
  sql.run(FORWARD, nameKey(before.name), before.name, agent, until);
  const told = sql.all<{ sender: AgentId }>(CORRESPONDENTS, agent, change.tellSince);
  const wake = notify(engine, {
    text: change.notice,
    to: told.map(({ sender }) => sender),
    thread: null,
    now,
  });
  return { ok: true, from: before.name, told: told.length, wake };
}

const MAIL = `SELECT ${DELIVERY} FROM delivery WHERE agent = ?1 AND filed = 1`;
const DOUBLE = `DELETE FROM delivery WHERE agent = ?1 AND filed = 1 AND message IN (SELECT message FROM delivery WHERE agent = ?2 AND filed = 1)`;
const PASS_ON = `UPDATE delivery SET agent = ?2, lease = NULL,
    expires_at = (SELECT expires_at FROM message WHERE seq = delivery.message)
  WHERE agent = ?1 AND filed = 1`;
const UNMUTE = 'DELETE FROM mute WHERE sender = ?1';
const DELETE_AGENT = 'DELETE FROM agent WHERE id = ?1';

/** Mail that waited for the new name becomes the agent's own. */
function inherit(engine: Engine, unborn: AgentRow, agent: AgentId): void {
  const { sql } = engine;
  if (sql.run(DOUBLE, unborn.id, agent) > 0) engine.sequence.forget();
  const mail = sql.all<DeliveryRow>(MAIL, unborn.id);
  const counts = new Counts();
  for (const row of mail) counts.move(agent, { from: null, to: bucketOf(row) });
  sql.run(PASS_ON, unborn.id, agent);
  counts.save(sql);
  reindex(
    engine,
    mail.map(({ message }) => message),
  );
  sql.run(UNMUTE, unborn.id);
  sql.run(DELETE_AGENT, unborn.id);
}
