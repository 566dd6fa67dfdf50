/**
 * agents/: names, the sessions that hold them, and topics. It knows nothing of what messages say; it
 * touches deliveries only where a name is taken, changed or removed.
 *
 * enter and claim: who may act under a name, and who holds it.
 */
import type { Store } from '../../core/ports.ts';
import type { AgentId, Claim, Claimed, Entered, Entrance } from '../../core/records/agents.ts';
import type { Outcome, Refusal } from '../../core/outcome.ts';
import { nameKey, numberedName, type AgentName } from '../../protocol/names.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { DELIVERY, UNFINISHED_STATE, type DeliveryRow } from '../mailbox/delivery-rows.ts';
import { end } from '../mailbox/expire-bury.ts';
import {
  agentById,
  agentForwarded,
  agentNamed,
  agentRecord,
  anchorOf,
  insertAgent,
  sameAnchor,
  type AgentRow,
} from './rows.ts';

export function enterMethods(engine: Engine): Pick<Store, 'enter' | 'claim'> {
  return {
    enter: async (entrance) => {
      const known = recognise(engine, entrance);
      // Every command that starts comes through here; one whose name is known must cost no write.
      if (known !== null && !becomesHuman(known, entrance)) return known;
      return engine.commits.write(() => stepIn(engine, entrance));
    },
    claim: (claim) => engine.commits.write(() => takeName(engine, claim)),
  };
}

function becomesHuman(known: Outcome<Entered>, { own, kind }: Entrance): boolean {
  return own && kind === 'human' && known.ok && known.agent.kind === 'script';
}

const MAKE_HUMAN = `UPDATE agent SET kind = 'human' WHERE id = ?1`;

function stepIn(engine: Engine, entrance: Entrance): Outcome<Entered> {
  const known = recognise(engine, entrance);
  if (known === null) return create(engine, entrance);
  if (!known.ok || !becomesHuman(known, entrance)) return known;
  engine.sql.run(MAKE_HUMAN, known.agent.id);
  return { ...known, agent: { ...known.agent, kind: 'human' } };
}

/** No constant-time comparison: the key is a hash of 256 random bits, so its timing reveals nothing useful. */
function holdsKey(row: AgentRow, keyHash: Uint8Array): boolean {
  return row.key_hash !== null && Buffer.from(row.key_hash).equals(keyHash);
}

/** Null: nobody has the name, or nobody has taken it yet. */
function recognise(engine: Engine, entrance: Entrance): Outcome<Entered> | null {
  const { name, keyHash, now } = entrance;
  const direct = agentNamed(engine.sql, name);
  if (direct !== null && direct.kind === null) return null;
  if (direct !== null) {
    if (holdsKey(direct, keyHash)) return { ok: true, agent: agentRecord(direct), created: false };
    return refuse('credential_refused', `the key shown is not that of ${direct.name}`);
  }
  const forwarded = agentForwarded(engine.sql, name, now);
  if (forwarded === null) return null;
  if (holdsKey(forwarded, keyHash)) return { ok: true, agent: agentRecord(forwarded), created: false };
  return forwards(name, forwarded);
}

function forwards(name: string, to: AgentRow): Refusal {
  return refuse('name_forwarding', `${name} still forwards to ${to.name}`, { to: to.name });
}

function create(engine: Engine, entrance: Entrance): Outcome<Entered> {
  const row = bear(engine, { ...entrance, autoNamed: false });
  return { ok: true, agent: agentRecord(row), created: true };
}

const TAKE_UNBORN = `UPDATE agent SET name = ?2, kind = ?3, key_hash = ?4, seen_at = ?5 WHERE id = ?1`;
// Mail for a name nobody has taken expires after a week; once it is taken, the sender's own expiry counts.
const KEEP_MAIL = `UPDATE delivery SET expires_at = (SELECT expires_at FROM message WHERE seq = delivery.message)
  WHERE agent = ?1 AND filed = 1 AND ${UNFINISHED_STATE}`;

const UNFINISHED = `SELECT ${DELIVERY} FROM delivery WHERE agent = ?1 AND filed = 1 AND ${UNFINISHED_STATE}`;

/** Anybody may write to a name that nobody has; what then becomes a kernel must not run it (design §5). */
function runNone(engine: Engine, unborn: AgentRow, now: number): void {
  const rows = engine.sql.all<DeliveryRow>(UNFINISHED, unborn.id);
  end(engine, { rows, state: 'refused', reason: 'written before this was a kernel', now });
}

/** A free name, or one that only had mail so far. */
function bear(engine: Engine, who: Omit<Entrance, 'own'> & { readonly autoNamed: boolean }): AgentRow {
  const { sql } = engine;
  const { name, kind, keyHash, now } = who;
  const unborn = agentNamed(sql, name);
  if (unborn !== null) {
    sql.run(TAKE_UNBORN, unborn.id, name, kind, keyHash, now);
    engine.filing.file();
    if (kind === 'kernel') runNone(engine, unborn, now);
    sql.run(KEEP_MAIL, unborn.id);
  }
  const id = unborn?.id ?? insertAgent(sql, who);
  const row = agentById(sql, id);
  if (row === null) throw new Error('an agent just made is not there');
  return row;
}

// ---- claim -------------------------------------------------------------------------------------------

const CLAIM = `UPDATE agent SET kind = ?2, about = coalesce(?3, about), anchor_pid = ?4, anchor_started = ?5,
  seen_at = ?6 WHERE id = ?1`;

/** Another name does not make it forget what it has read (loop guard); neither does another name of its shell. */
const REMEMBER = `UPDATE agent SET depth = max(depth, coalesce((SELECT max(depth) FROM agent
    WHERE id IN (SELECT value FROM json_each(?2)) OR (anchor_pid = ?3 AND anchor_started = ?4)), 0))
  WHERE id = ?1`;

/** A shell stands for one name: the one it took before is nobody's now. */
const LEAVE = `UPDATE agent SET anchor_pid = NULL, anchor_started = NULL
  WHERE anchor_pid = ?1 AND anchor_started = ?2 AND id <> ?3`;

function takeName(engine: Engine, claim: Claim): Claimed {
  const { sql } = engine;
  const name = claim.name ?? nextAutoName(engine, claim.now);
  const direct = agentNamed(sql, name);
  const former = direct === null ? agentForwarded(sql, name, claim.now) : null;
  const row = direct?.kind === null ? null : (direct ?? former);
  if (row === null) {
    const born = bear(engine, { ...claim, name, autoNamed: claim.name === null });
    return hold(engine, born, claim, { created: true });
  }
  if (former !== null && !holdsKey(former, claim.keyHash)) return forwards(name, former);
  if (row.kind === 'webhook') {
    return refuse('name_taken', `${row.name} is a webhook`, {
      suggestion: freeName(engine, name, claim.now),
    });
  }
  if ((row.kind === 'kernel') !== (claim.kind === 'kernel')) {
    return refuse(
      'name_taken',
      `${row.name} is ${row.kind === 'kernel' ? 'a kernel' : `of kind ${row.kind}`}`,
      {
        suggestion: freeName(engine, name, claim.now),
      },
    );
  }
  const live = holderInTheWay(engine, row, claim);
  const suggestion = freeName(engine, name, claim.now);
  if (live !== null) {
    return refuse('name_live', `${row.name} is held by a live session`, { suggestion, ...live });
  }
  if (!holdsKey(row, claim.keyHash)) {
    return refuse('credential_refused', `the key shown is not that of ${row.name}`, { suggestion });
  }
  if (former !== null) takeBack(engine, former, name);
  return hold(engine, row, claim, { created: false });
}

function hold(engine: Engine, row: AgentRow, claim: Claim, { created }: { created: boolean }): Claimed {
  // A command run in an agent's shell claims as a script; that must not turn the agent into one.
  const kind = claim.kind === 'script' && row.kind !== null ? row.kind : claim.kind;
  const kept = sameAnchor(anchorOf(row), claim.deadAnchor) ? null : anchorOf(row);
  // Who holds a name stands for it from now on: when a server ends, its name is free, though its client lives.
  const anchor = claim.hold === null ? (claim.anchor ?? kept) : null;
  engine.sql.run(CLAIM, row.id, kind, claim.about, anchor?.pid ?? null, anchor?.startedAt ?? null, claim.now);
  const { pid = null, startedAt = null } = claim.anchor ?? {};
  if (claim.kin.length > 0 || claim.anchor !== null)
    engine.sql.run(REMEMBER, row.id, JSON.stringify(claim.kin), pid, startedAt);
  if (claim.anchor !== null) engine.sql.run(LEAVE, claim.anchor.pid, claim.anchor.startedAt, row.id);
  if (claim.hold !== null) engine.presence.attach({ ...claim.hold.seat, agent: row.id }, claim.hold.until);
  const after = agentById(engine.sql, row.id) ?? row;
  return { ok: true, agent: agentRecord(after), created, waiting: after.waiting, held: after.held };
}

/** Null: nobody. Otherwise the details of the refusal: with a pid the caller can check whether it still runs. */
function holderInTheWay(
  { presence }: Engine,
  row: AgentRow,
  { session, anchor, deadAnchor, now }: Claim,
): Record<string, string | number> | null {
  const holders = presence.of(row.id, now).filter(({ role, id }) => role === 'holder' && id !== session);
  if (holders.length > 0) return {};
  const held = anchorOf(row);
  if (held === null || sameAnchor(held, anchor) || sameAnchor(held, deadAnchor)) return null;
  return { pid: held.pid, startedAt: held.startedAt };
}

const NAME_BACK = 'UPDATE agent SET name = ?2, name_key = ?3 WHERE id = ?1';
const SWAP_FORWARD = 'UPDATE forward SET name_key = ?2, name = ?3 WHERE name_key = ?1';

/** Its own old name: the newer one forwards instead, for as long as the old one would have. */
function takeBack({ sql }: Engine, row: AgentRow, name: AgentName): void {
  sql.run(SWAP_FORWARD, nameKey(name), nameKey(row.name), row.name);
  sql.run(NAME_BACK, row.id, name, nameKey(name));
}

const NEXT_AGENT = "UPDATE counter SET value = value + 1 WHERE name = 'agent_name' RETURNING value";

function nextAutoName(engine: Engine, now: number): AgentName {
  for (;;) {
    const number = engine.sql.get<{ value: number }>(NEXT_AGENT)?.value ?? 1;
    const name = numberedName('agent', number);
    if (isFree(engine, name, now)) return name;
  }
}

function freeName(engine: Engine, name: AgentName, now: number): AgentName {
  for (let number = 2; ; number += 1) {
    const candidate = numberedName(name, number);
    if (isFree(engine, candidate, now)) return candidate;
  }
}

function isFree({ sql }: Engine, name: AgentName, now: number): boolean {
  return agentNamed(sql, name) === null && agentForwarded(sql, name, now) === null;
}

/** Whether this agent may be called that now; a name that only has mail is joined with its own. */
export function nameInTheWay(
  { sql }: Engine,
  wanted: { agent: AgentId; name: AgentName; now: number },
): { refusal: Refusal } | { unborn: AgentRow | null } {
  const { agent, name, now } = wanted;
  const direct = agentNamed(sql, name);
  if (direct !== null && direct.id !== agent && direct.kind !== null) {
    return { refusal: refuse('name_taken', `${direct.name} is somebody else's name`) };
  }
  const former = direct === null ? agentForwarded(sql, name, now) : null;
  if (former !== null && former.id !== agent) return { refusal: forwards(name, former) };
  return { unborn: direct !== null && direct.id !== agent ? direct : null };
}
