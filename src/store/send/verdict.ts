/** What stands between a posting and a mailbox: room, kinds that take no mail, the loop guard, mutes, pauses. */
import type { Refusal } from '../../core/outcome.ts';
import type { Posting } from '../../core/records/sending.ts';
import type { Kind } from '../../protocol/model.ts';
import { isPaused } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
import { isTooLong, wordOf, type Chain } from '../mailbox/chain-depth.ts';
import { MUTED, PAUSED } from '../mailbox/hold-release.ts';
import type { NewDelivery } from './insert.ts';
import type { Mailbox, Recipient } from './recipients.ts';

const UNBORN = 'SELECT count(*) AS count FROM agent WHERE kind IS NULL AND name_key IS NOT NULL';

/** A mailbox that is full refuses the whole posting, so that nothing is partly sent. */
export function roomFor(
  { sql }: Engine,
  { limits }: Posting,
  recipients: readonly Recipient[],
): Refusal | null {
  let newcomers = 0;
  for (const { mailbox, name } of recipients) {
    if (mailbox === null) {
      newcomers += 1;
      continue;
    }
    if (readsNothing(mailbox.kind) !== null) continue;
    const load = mailbox.waiting + mailbox.held + mailbox.delayed;
    const limit = mailbox.kind === null ? limits.unbornMailbox : limits.mailbox;
    if (load >= limit) {
      return refuse('mailbox_full', `the mailbox of ${name} is full: ${load} messages wait there`, {
        recipient: name,
      });
    }
  }
  if (newcomers === 0) return null;
  const unborn = sql.get<{ count: number }>(UNBORN)?.count ?? 0;
  if (unborn + newcomers <= limits.unbornNames) return null;
  const first = recipients.find(({ mailbox }) => mailbox === null);
  return refuse(
    'mailbox_full',
    `${unborn} names that nobody took have mail already; wanted no more of them`,
    {
      recipient: first?.name ?? '',
    },
  );
}

/** Why the loop guard holds it; null: it does not. What lifts it is said with it (design §5). */
function loopReason({ id, limits, provenance }: Posting, chain: Chain): string | null {
  if (provenance.kind !== 'agent') return null;
  const lift = `A person's word to you begins anew; a person lets this one through with: ipc release ${id}`;
  if (isTooLong(chain, limits.depth))
    return `chain depth ${limits.depth}: as many messages followed from one another with no word from a person. ${lift}`;
  if (limits.tireless !== wordOf(chain)) return null;
  return `sent as much as an agent may for minutes on end, with no word from a person. ${lift}`;
}

/** Why a kind has no mailbox; null: it has one. */
export function readsNothing(kind: Kind | null): string | null {
  switch (kind) {
    case 'system':
      return 'the system reads no messages';
    case 'kernel':
      return 'a kernel takes only requests to execute';
    case 'webhook':
      // An answer that came back to it would begin a loop through somebody else's server.
      return 'a webhook only sends, nobody reads what is sent to it';
    case 'agent':
    case 'human':
    case 'script':
    case null:
      return null;
  }
}

/** Why a message to a kernel does not run there; null: it does. */
function runsNothing({ kernels }: Posting, { id, name }: Mailbox): string | null {
  switch (kernels.get(id)) {
    case 'runs':
      return null;
    case 'not-allowed':
      return `a kernel runs only what people, its owner and those it allows ask for`;
    case undefined:
      return `the host of this kernel is not running: ipc kernel connect ${name}`;
  }
}

export interface Verdict extends Pick<NewDelivery, 'state' | 'reason'> {
  /** Held by the loop guard. */
  readonly looped?: true;
}

export function judge(posting: Posting, mailbox: Mailbox | null, chain: Chain): Verdict {
  const refusal =
    mailbox?.kind === 'kernel' ? runsNothing(posting, mailbox) : readsNothing(mailbox?.kind ?? null);
  if (refusal !== null) return { state: 'refused', reason: refusal };
  const reason = loopReason(posting, chain);
  if (reason !== null) return { state: 'held', reason, looped: true };
  if (mailbox?.muted === 1) return { state: 'held', reason: MUTED };
  const paused = mailbox !== null && isPaused(mailbox, posting.now);
  return paused ? { state: 'held', reason: PAUSED } : { state: 'queued', reason: null };
}
