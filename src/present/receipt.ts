/** What became of a message, in words that claim only what was proven (design §2). */
import type { Receipt } from '../protocol/model.ts';
import type { Output } from '../protocol/operations.ts';
import { reachWords } from './doors.ts';
import { visibleLine } from './escape.ts';
import type { Look } from './person.ts';
import type { Style } from './style.ts';
import { ago, exact } from './time.ts';

type Sent = Output<'receipts'>['messages'][number];

/** "bob: handed (cli) 2 minutes ago 2026-08-22 14:03:07". */
export function receiptWords(receipt: Receipt, { style, now, offset }: Look): string {
  const shown = receipt.state === 'offered' ? receipt.offeredBy?.join(', ') : receipt.door;
  const door = shown === undefined || shown === '' ? '' : ` (${shown})`;
  const colour = colourOf(receipt.state, style);
  const when = whenOf(receipt);
  const time = when === undefined ? '' : ` ${ago(when, now)} ${style.faint(exact(when, offset))}`;
  const reason = receipt.reason === undefined ? '' : `, ${visibleLine(receipt.reason)}`;
  const offered =
    receipt.state !== 'offered' && (receipt.offeredBy?.length ?? 0) > 0
      ? style.faint(`, offered by ${receipt.offeredBy?.join(', ')}`)
      : '';
  const tries = receipt.attempts > 1 ? `, ${receipt.attempts} hand-overs` : '';
  return `${visibleLine(receipt.to)}: ${colour(receipt.state)}${door}${time}${reason}${offered}${tries}`;
}

export function receiptsText(message: Sent, look: Look): string {
  const { style, now, offset } = look;
  const to = message.to.map(visibleLine).join(', ');
  const when = `${ago(message.sentAt, now)} ${style.faint(exact(message.sentAt, offset))}`;
  const head = `${visibleLine(message.from)} to ${style.name(to)} · ${when}\n  ${style.faint(`id ${message.id}`)}\n`;
  const first = message.firstLine === '' ? '' : `    ${visibleLine(message.firstLine)}\n`;
  const each = message.receipts.map(
    (receipt) => `  ${receiptWords(receipt, look)}\n${doorsLine(receipt, look)}`,
  );
  return head + first + each.join('');
}

/** How the recipient can be reached, as long as that matters: what was taken in has its door in its own line. */
function doorsLine(receipt: Sent['receipts'][number], { style }: Look): string {
  const awaited = receipt.state === 'queued' || receipt.state === 'offered' || receipt.state === 'held';
  if (!awaited && receipt.doors.length === 0) return '';
  return `    ${style.faint(reachWords(receipt))}\n`;
}

function whenOf(receipt: Receipt): string | undefined {
  switch (receipt.state) {
    case 'queued':
    case 'held':
      return undefined;
    case 'offered':
      return receipt.offeredAt;
    case 'handed':
      return receipt.handedAt;
    case 'seen':
      return receipt.seenAt;
    case 'acked':
      return receipt.ackedAt;
    case 'expired':
    case 'refused':
    case 'dead':
    case 'cancelled':
      return receipt.endedAt;
  }
}

function colourOf(state: Receipt['state'], style: Style): (text: string) => string {
  switch (state) {
    case 'handed':
    case 'seen':
    case 'acked':
      return style.good;
    case 'queued':
    case 'offered':
    case 'held':
      return style.warn;
    case 'expired':
    case 'refused':
    case 'dead':
    case 'cancelled':
      return style.bad;
  }
}
