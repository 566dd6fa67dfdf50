/** What stands between a posting and a mailbox: room, kinds that take no mail, the loop guard, mutes, pauses. */
import type { Posting, Refusal } from '../../core/records.ts';
import { isPaused } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { refuse } from '../engine/refusal.ts';
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
    if (mailbox.kind === 'kernel' || mailbox.kind === 'system') continue;
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

export function chainReason(depth: number): string {
  return `chain depth ${depth}`;
}

export type Verdict = Pick<NewDelivery, 'state' | 'reason'>;

export function judge(posting: Posting, mailbox: Mailbox | null, depth: number): Verdict {
  const kind = mailbox?.kind ?? null;
  if (kind === 'system') return { state: 'refused', reason: 'the system reads no messages' };
  if (kind === 'kernel') return { state: 'refused', reason: 'a kernel takes only requests to execute' };
  if (posting.provenance.kind === 'agent' && depth >= posting.limits.depth) {
    return { state: 'held', reason: chainReason(depth) };
  }
  if (mailbox?.muted === 1) return { state: 'held', reason: MUTED };
  const paused = mailbox !== null && isPaused(mailbox, posting.now);
  return paused ? { state: 'held', reason: PAUSED } : { state: 'queued', reason: null };
}
