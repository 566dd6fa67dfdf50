/** Who a posting goes to: addresses become mailboxes, each once, fixed at this moment. */
import type { AgentId } from '../../core/records/agents.ts';
import type { Refusal } from '../../core/outcome.ts';
import type { Posting } from '../../core/records/sending.ts';
import { formatAddress, nameKey, type Address, type AgentName } from '../../protocol/names.ts';
import type { AgentRow } from '../agents/rows.ts';
import { saveSeen, type Engine } from '../engine/context.ts';
import { isRefusal, refuse } from '../engine/refusal.ts';

/** As much of its row as a posting asks for: every column read is paid for by every send. */
export interface Mailbox extends Pick<
  AgentRow,
  | 'id'
  | 'name'
  | 'kind'
  | 'seen_at'
  | 'paused_until'
  | 'waiting'
  | 'held'
  | 'delayed'
  | 'anchor_pid'
  | 'anchor_started'
> {
  /** 1: the recipient muted the sender. */
  readonly muted: number;
}

export interface Recipient {
  /** Null: nobody has the name yet; a row is made when the posting is accepted. */
  readonly mailbox: Mailbox | null;
  readonly name: AgentName;
  readonly asked: string;
  readonly forwarded: boolean;
}

const MAILBOX = `SELECT a.id, a.name, a.kind, a.seen_at, a.paused_until, a.waiting, a.held, a.delayed, a.anchor_pid,
  a.anchor_started, EXISTS (SELECT 1 FROM mute WHERE agent = a.id AND sender = ?1) AS muted`;
const BY_ID = `${MAILBOX} FROM agent a WHERE a.id = ?2 AND a.name_key IS NOT NULL`;
const BY_NAME = `${MAILBOX} FROM agent a WHERE a.name_key = ?2`;
const BY_FORWARD = `${MAILBOX} FROM forward f JOIN agent a ON a.id = f.agent WHERE f.name_key = ?2 AND f.until > ?3`;
const MEMBERS = `${MAILBOX} FROM topic t JOIN membership s ON s.topic = t.id JOIN agent a ON a.id = s.agent
  WHERE t.name_key = ?2 AND a.id <> ?1 AND a.kind <> 'kernel' ORDER BY a.name_key`;
const EVERYBODY = `${MAILBOX} FROM agent a
  WHERE a.name_key IS NOT NULL AND a.id <> ?1 AND a.kind IN (SELECT value FROM json_each(?2))
    AND a.kind NOT IN ('kernel', 'system') AND (a.seen_at >= ?3 OR a.id IN (SELECT value FROM json_each(?4)))
  ORDER BY a.name_key`;

/** The mailbox of whoever sent a message; null when that agent was removed. */
export function mailboxOf({ sql }: Engine, agent: AgentId, sender: AgentId): Mailbox | null {
  return sql.get<Mailbox>(BY_ID, sender, agent);
}

export function resolveAddresses(engine: Engine, posting: Posting): readonly Recipient[] | Refusal {
  const found = new Map<AgentId | string, Recipient>();
  for (const address of posting.to) {
    const recipients = resolve(engine, address, posting);
    if (isRefusal(recipients)) return recipients;
    for (const recipient of recipients) {
      const identity = recipient.mailbox?.id ?? nameKey(recipient.name);
      if (!found.has(identity)) found.set(identity, recipient);
    }
  }
  return [...found.values()];
}

function resolve(engine: Engine, address: Address, posting: Posting): readonly Recipient[] | Refusal {
  const { sql } = engine;
  const asked = formatAddress(address);
  if (address.kind === 'agent') return [named(engine, address.name, posting)];
  if (address.kind === 'topic') {
    const members = sql.all<Mailbox>(MEMBERS, posting.sender, nameKey(address.name));
    return members.map((mailbox) => ({ mailbox, name: mailbox.name, asked, forwarded: false }));
  }
  const { kinds, seenSince, limit } = posting.all;
  saveSeen(engine);
  const here = JSON.stringify(engine.presence.here(posting.now));
  const everybody = sql.all<Mailbox>(EVERYBODY, posting.sender, JSON.stringify(kinds), seenSince, here);
  if (everybody.length > limit) {
    return refuse('fan_out', `@all would reach ${everybody.length}, more than ${limit} must be asked for`, {
      count: everybody.length,
    });
  }
  return everybody.map((mailbox) => ({ mailbox, name: mailbox.name, asked, forwarded: false }));
}

function named({ sql }: Engine, name: AgentName, { sender, now }: Posting): Recipient {
  const direct = sql.get<Mailbox>(BY_NAME, sender, nameKey(name));
  if (direct !== null) return { mailbox: direct, name: direct.name, asked: name, forwarded: false };
  const forward = sql.get<Mailbox>(BY_FORWARD, sender, nameKey(name), now);
  if (forward !== null) return { mailbox: forward, name: forward.name, asked: name, forwarded: true };
  return { mailbox: null, name, asked: name, forwarded: false };
}

/**
 * Whether two ways of addressing mean the same now: a client that sends a message again after the
 * recipient was renamed writes the new name under the old id.
 */
export function sameAddresses(
  { sql }: Engine,
  one: readonly Address[],
  other: readonly Address[],
  now: number,
): boolean {
  const identities = (addresses: readonly Address[]): string => {
    const known = addresses.map((address) => {
      if (address.kind !== 'agent') return formatAddress(address).toLowerCase();
      const key = nameKey(address.name);
      const row = sql.get<Mailbox>(BY_NAME, 0, key) ?? sql.get<Mailbox>(BY_FORWARD, 0, key, now) ?? null;
      // '=' is in no name.
      return row === null ? key : `=${row.id}`;
    });
    return [...new Set(known)].sort().join(' ');
  };
  return identities(one) === identities(other);
}
