/** The answer to a send, one line for each recipient, saying what is true of it now (design §6). */
import type { Output } from '../protocol/operations.ts';
import { visibleLine } from './escape.ts';
import type { Style } from './style.ts';

type Sent = Output<'send'>;
type SentTo = Sent['deliveries'][number];

/** More recipients than this are counted, not listed. */
const LISTED = 12;

export function sentText(sent: Sent, style: Style): string {
  if (sent.deliveries.length === 0) return `sent to nobody: no one else is there ${style.faint(sent.id)}\n`;
  const before = sent.duplicate ? 'already sent: ' : '';
  const listed = sent.deliveries.slice(0, LISTED).map((to) => `${before}${oneRecipient(to, style)}`);
  const more = sent.deliveries.length - listed.length;
  if (more > 0) listed.push(`and ${more} more`);
  return `${listed.join('\n')}\n${style.faint(sent.id)}\n`;
}

function oneRecipient(to: SentTo, style: Style): string {
  const name = style.name(visibleLine(to.to));
  const asked = visibleLine(to.asked);
  const via = asked.startsWith('#') || asked === '@all' ? ` through ${asked}` : '';
  const reason = to.reason === undefined ? '' : visibleLine(to.reason);
  if (to.state === 'held') return `held for ${name}${via} (${reason || 'until released'})`;
  if (to.state === 'refused') return `refused by ${name}${via}${reason === '' ? '' : ` (${reason})`}`;
  const how = howReached(to);
  if (to.forwarded) return `forwarded from ${asked} to ${name} (${how})`;
  if (to.presence === 'online' || to.presence === 'idle') return `sent to ${name}${via} (${how})`;
  return `queued for ${name}${via} (${how})`;
}

function howReached(to: SentTo): string {
  const push = to.doors.length === 0 ? '' : `, push: ${to.doors.join(', ')}`;
  switch (to.presence) {
    case 'online':
    case 'idle':
      return `${to.presence}${push}`;
    case 'gone':
      return 'not here now';
    case 'unborn':
      return 'not here yet';
  }
}
