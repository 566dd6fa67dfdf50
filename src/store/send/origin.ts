/** The earlier message that a new one answers or passes on. */
import type { AgentId } from '../../core/records/agents.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Posting } from '../../core/records/sending.ts';
import type { DeliveryState, Intent, Kind } from '../../protocol/model.ts';
import type { AgentRow } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { takeIn } from '../mailbox/chain-depth.ts';
import { Counts, bucketOf } from '../mailbox/counts.ts';
import { MESSAGE, type MessageRow } from '../past/message-rows.ts';

/** A message and, if it was sent to the one who refers to it, its delivery there. */
export interface Answered {
  readonly seq: number;
  readonly id: string;
  readonly sender: AgentId;
  readonly sender_kind: Kind;
  readonly thread: string;
  readonly chain: number;
  readonly intent: Intent;
  readonly place: number | null;
  readonly state: DeliveryState | null;
  readonly arrived: number | null;
}

export interface Origin {
  readonly answered: Answered | null;
  readonly passedOn: MessageRow | null;
}

const ANSWERED = `SELECT m.seq, m.id, m.sender, m.sender_kind, m.thread, m.depth AS chain, m.intent, d.place, d.state, d.arrived
  FROM message m LEFT JOIN delivery d ON d.message = m.seq AND d.agent = ?2`;
const ANSWERED_BY_ID = `${ANSWERED} WHERE m.id = ?1 AND (m.sender = ?2 OR d.arrived = 1)`;
const ANSWERED_BY_SEQ = `${ANSWERED} WHERE m.seq = ?1`;
const PASSED_ON = `SELECT ${MESSAGE} FROM message m WHERE m.id = ?1 AND (m.sender = ?2
  OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND d.agent = ?2 AND d.arrived = 1))`;

/** As much of the sender's row as a posting asks for. */
export type SenderRow = Pick<AgentRow, 'id' | 'name' | 'kind' | 'chain' | 'last_from'>;

const SENDER =
  'SELECT id, name, kind, depth AS chain, last_from FROM agent WHERE id = ?1 AND name_key IS NOT NULL';

export function senderOf({ sql }: Engine, agent: AgentId): SenderRow | null {
  return sql.get<SenderRow>(SENDER, agent);
}

export function originOf({ sql }: Engine, posting: Posting, sender: SenderRow): Outcome<Origin> {
  const { replyTo, forwardOf } = posting;
  let answered: Answered | null = null;
  if (replyTo === 'last') {
    answered =
      sender.last_from === null ? null : sql.get<Answered>(ANSWERED_BY_SEQ, sender.last_from, sender.id);
    if (answered === null) {
      return refuse('no_such_message', `nothing was handed to ${sender.name} yet that could be answered`);
    }
  } else if (replyTo !== null) {
    answered = sql.get<Answered>(ANSWERED_BY_ID, replyTo, sender.id);
    if (answered === null) return unknown(replyTo, sender);
  }
  if (forwardOf === null) return { ok: true, answered, passedOn: null };
  const passedOn = sql.get<MessageRow>(PASSED_ON, forwardOf, sender.id);
  return passedOn === null ? unknown(forwardOf, sender) : { ok: true, answered, passedOn };
}

function unknown(id: string, sender: SenderRow): Outcome<Origin> {
  return refuse('no_such_message', `no message ${id} among those ${sender.name} sent or was sent`);
}

const ACK = `UPDATE delivery SET state = 'acked', acked_at = ?2, lease = NULL, reminder = NULL WHERE place = ?1`;

/** Whoever answers a message has read it. Returns the chain the sender continues now. */
export function acknowledge(engine: Engine, answered: Answered, sender: SenderRow, now: number): number {
  const { place, state, arrived } = answered;
  if (place === null || state === null || arrived !== 1) return sender.chain;
  const bucket = bucketOf({ state, arrived });
  if (bucket === null && state !== 'handed' && state !== 'seen') return sender.chain;
  engine.sql.run(ACK, place, now);
  if (bucket === null) return Math.max(sender.chain, answered.chain);
  const counts = new Counts();
  counts.move(sender.id, { from: bucket, to: null });
  counts.save(engine.sql);
  return takeIn(engine, sender, [answered]);
}
