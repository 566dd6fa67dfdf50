/**
 * A message as one line of a monitor: id, sender and the first 200 characters. A client program puts
 * the line into a prompt of its own, and a later hook looks for exactly this text in the transcript, so
 * it must be the same whenever it is made, and nothing in a body may pass for the end of it.
 */
import type { Message } from '../protocol/model.ts';
import { visibleLine } from './escape.ts';
import { escaped } from './model.ts';

const CHARACTERS = 200;
/** A character is at most two units; what is behind cannot show. */
const UNITS = 2 * CHARACTERS + 2;
/** The tags around the event in Claude Code's notification of a monitor (seen with 2.1.329). */
const NOTIFICATION = /<(?=\/?\s*(?:event|summary|status|output-file)\b)/giu;

/** Without a newline at its end. */
export function messageLine(message: Message): string {
  const { text, whole } = lineText(message);
  return `${message.id} ${message.from.name}: ${text}${whole ? '' : ' … (cut; check hands it over)'}`;
}

/** That something came, and from whom; nothing of what it says. */
export function bareLine(message: Message): string {
  return `${message.id} ${message.from.name}: (check hands it over)`;
}

/** Whether the line says all there is. */
export function lineIsWhole(message: Message): boolean {
  return lineText(message).whole;
}

function lineText(message: Message): { readonly text: string; readonly whole: boolean } {
  const { body } = message;
  const characters = Array.from(body.slice(0, UNITS));
  const all = characters.length <= CHARACTERS && body.length <= UNITS;
  const first = all ? body : characters.slice(0, CHARACTERS).join('');
  const text = escaped(visibleLine(first)).replace(NOTIFICATION, '\\x3c');
  const alone = message.bodyBlob === undefined && message.data === undefined;
  return { text, whole: all && alone && (message.attachments ?? []).length === 0 };
}
