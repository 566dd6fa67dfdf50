/**
 * Messages for a person's eyes. A body is indented under its header, so that no text can pass for the
 * header of another message; everything that others wrote goes through `escape.ts`.
 */
import type { BlobRef, Delivered, Message } from '../protocol/model.ts';
import type { Output } from '../protocol/operations.ts';
import type { LocalOffset } from '../system/zone.ts';
import { visible, visibleLine } from './escape.ts';
import { excerpt, formatBytes } from './excerpt.ts';
import { receiptWords } from './receipt.ts';
import type { Style } from './style.ts';
import { ago, exact, relative } from './time.ts';

type Past = Output<'history'>['messages'][number];
type Found = Output<'search'>['messages'][number];

export interface Look {
  readonly style: Style;
  readonly now: number;
  readonly offset: LocalOffset;
  /** Bytes of one body to show; the rest is named by the command that prints it. Absent: all of it. */
  readonly bodyBytes?: number;
}

const WEBHOOK_DATA_BYTES = 240;

/** A message as handed over: header, body, what is attached. Ends with a newline. */
export function deliveredText(message: Delivered, look: Look): string {
  const again = message.again ? [look.style.warn('again')] : [];
  return headerOf(message, { look, marks: [...again, ...marksOf(message, look)] }) + contentOf(message, look);
}

/** A message of the past, with what became of it. */
export function pastText(message: Past, look: Look): string {
  const head = headerOf(message, { look, marks: marksOf(message, look) });
  const states = message.receipts.map((receipt) => `  ${receiptWords(receipt, look)}\n`).join('');
  return head + contentOf(message, look) + states;
}

/** A hit: one header and the passage around the first word that matched. */
export function foundText(message: Found, look: Look): string {
  const head = headerOf(message, { look, marks: marksOf(message, look) });
  return `${head}    ${visibleLine(message.snippet)}\n`;
}

function headerOf(message: Message, { look, marks }: { look: Look; marks: readonly string[] }): string {
  const { style, now, offset } = look;
  const { from } = message;
  const unverified = from.verified ? '' : ', unverified';
  const client = from.client === undefined || from.client === 'cli' ? '' : `, ${visibleLine(from.client)}`;
  const who = `${style.name(style.strong(visibleLine(from.name)))} (${from.kind}${client}${unverified})`;
  const when = `${ago(message.sentAt, now)} ${style.faint(exact(message.sentAt, offset))}`;
  const to = message.to.map(visibleLine).join(', ');
  return `${[who, `to ${to}`, when, ...marks].join(' · ')}\n${style.faint(idsOf(message))}\n`;
}

function idsOf(message: Message): string {
  const parts = [`  id ${message.id}`];
  if (message.thread !== message.id) parts.push(`thread ${visibleLine(message.thread)}`);
  if (message.replyTo !== undefined) parts.push(`answers ${message.replyTo}`);
  if (message.forwardOf !== undefined) parts.push(`forwards ${message.forwardOf}`);
  return parts.join(' · ');
}

function marksOf(message: Message, { style, now }: Look): string[] {
  const marks: string[] = [];
  if (message.intent === 'request') marks.push(style.warn('request'));
  if (message.priority !== 'normal') marks.push(style.warn(`${message.priority} priority`));
  if (message.expiresAt !== undefined) marks.push(`expires ${relative(message.expiresAt, now)}`);
  return marks;
}

function contentOf(message: Message, look: Look): string {
  return bodyOf(message, look) + dataOf(message, look) + attachedOf(message, look);
}

function bodyOf(message: Message, { style, bodyBytes }: Look): string {
  const shown =
    bodyBytes === undefined ? { text: message.body, missing: 0 } : excerpt(message.body, bodyBytes);
  const body = indented(visible(shown.text));
  const blob = message.bodyBlob;
  if (blob !== undefined) {
    const size = formatBytes(blob.size);
    return `${body}${style.faint(`    … these are the first lines of ${size}; all of it: ${pathOf(blob)}`)}\n`;
  }
  if (shown.missing === 0) return body;
  return `${body}${style.faint(`    … ${formatBytes(shown.missing)} more: ipc history ${message.id} --body`)}\n`;
}

/** Every line under four spaces; one newline at the end whether the text has one or not. */
function indented(text: string): string {
  if (text === '') return '';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  return `    ${body.replaceAll('\n', '\n    ')}\n`;
}

function dataOf(message: Message, { style, bodyBytes }: Look): string {
  if (message.data === undefined) return '';
  const json = JSON.stringify(message.data);
  // Of a webhook's payload the body is the summary; a screen full of fields would hide it.
  const most = message.from.kind === 'webhook' ? WEBHOOK_DATA_BYTES : bodyBytes;
  const shown =
    bodyBytes === undefined || most === undefined ? { text: json, missing: 0 } : excerpt(json, most);
  const rest = shown.missing === 0 ? '' : ` … ipc history ${message.id} --json`;
  return `    ${style.faint('data')} ${visibleLine(shown.text)}${rest}\n`;
}

function attachedOf(message: Message, { style }: Look): string {
  return (message.attachments ?? [])
    .map((file) => {
      const facts = `${visibleLine(file.name)} (${sizeAndType(file)})`;
      return `    ${style.faint('attached')} ${facts} ${pathOf(file)}\n`;
    })
    .join('');
}

function pathOf({ path, missing }: { path: string; missing?: true | undefined }): string {
  return missing === true
    ? `(the file is missing: ipc doctor --repair) ${visibleLine(path)}`
    : visibleLine(path);
}

function sizeAndType(blob: BlobRef): string {
  const size = formatBytes(blob.size);
  return blob.type === undefined ? size : `${size}, ${visibleLine(blob.type)}`;
}
