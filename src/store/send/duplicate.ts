/** The same id a second time: answered with what became of the first, or refused when it says something else. */
import type { Posted, PostedTo, Posting } from '../../core/records/sending.ts';
import type { DeliveryState } from '../../protocol/model.ts';
import { formatAddress, parseAddress } from '../../protocol/names.ts';
import { anchorOf, type AgentRow } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { readJson } from '../past/message-rows.ts';
import { sameAddresses } from './recipients.ts';

export interface Known {
  readonly seq: number;
  readonly thread: string;
  readonly addressed: string;
  readonly digest: Uint8Array;
}

interface KnownDelivery extends Pick<
  AgentRow,
  'id' | 'name' | 'kind' | 'seen_at' | 'anchor_pid' | 'anchor_started'
> {
  readonly asked: string;
  readonly state: DeliveryState;
  readonly reason: string | null;
  readonly forwarded: number;
}

const KNOWN = 'SELECT seq, thread, addressed, digest FROM message WHERE id = ?1';
const KNOWN_DELIVERIES = `SELECT a.id, a.name, a.kind, a.seen_at, a.anchor_pid, a.anchor_started,
    d.asked, d.state, d.reason, d.forwarded
  FROM delivery d JOIN agent a ON a.id = d.agent WHERE d.message = ?1 ORDER BY d.rowid`;

/** What the sender chose. Not the expiry: clients write it as a span, which ends later each time. */
const DIGESTED = [
  'sender',
  'bodyBlob',
  'data',
  'attachments',
  'thread',
  'replyTo',
  'answers',
  'forwardOf',
  'intent',
  'priority',
  'notBefore',
] as const satisfies readonly (keyof Posting)[];

export function digestOf(posting: Posting): Uint8Array {
  const facts = DIGESTED.map((field) => posting[field]);
  return new Bun.CryptoHasher('sha256').update(JSON.stringify(facts)).update(posting.body).digest();
}

export function repeated(engine: Engine, posting: Posting, known: Known): Posted {
  const same =
    Buffer.from(known.digest).equals(digestOf(posting)) &&
    (posting.answers || sameRecipients(engine, posting, known));
  if (!same) return refuse('conflict', `wanted a new id, found message ${posting.id} with other content`);
  const rows = engine.sql.all<KnownDelivery>(KNOWN_DELIVERIES, known.seq);
  const deliveries = rows.map((row): PostedTo => ({
    agent: row.id,
    name: row.name,
    asked: row.asked,
    state: row.state,
    reason: row.reason,
    forwarded: row.forwarded === 1,
    unborn: row.kind === null,
    anchor: anchorOf(row),
    seenAt: engine.presence.seenAt(row.id) ?? row.seen_at,
    sessions: engine.presence.of(row.id, posting.now),
  }));
  return { ok: true, duplicate: true, word: 0, thread: known.thread, deliveries, wake: [] };
}

function sameRecipients(engine: Engine, posting: Posting, known: Known): boolean {
  if (JSON.stringify(posting.to.map(formatAddress)) === known.addressed) return true;
  const before = readJson<string[]>(known.addressed).map(parseAddress);
  return sameAddresses(engine, before, posting.to, posting.now);
}

export function knownMessage({ sql }: Engine, id: string): Known | null {
  return sql.get<Known>(KNOWN, id);
}
