/** What hooks tell a model: facts with their times, no orders, never longer than clients show. */
import { formatBytes, SHOWN_BYTES } from '../present/excerpt.ts';
import { visibleLine } from '../present/escape.ts';
import { escaped, forModel } from '../present/model.ts';
import { ago } from '../present/time.ts';
import type { AgentView, Delivered } from '../protocol/model.ts';
import { CONTEXT_CHARACTERS } from './hook-answer.ts';

/** Bodies are cut to half as much, down to this, until all of them fit. */
const LEAST_BODY_BYTES = 256;
/** For the lines around the messages. */
const AROUND = 400;
const PREVIEWED = 5;
const NAMED = 20;

export interface HandOver {
  readonly text: string;
  readonly shown: readonly Delivered[];
}

/** How many of these, oldest first, go into one answer with their bodies whole; at least one. */
export function fitting(messages: readonly Delivered[], now: number): number {
  let room = CONTEXT_CHARACTERS - AROUND;
  let count = 0;
  for (const message of messages) {
    room -= forModel([message], { now, bodyBytes: SHOWN_BYTES }).length + 1;
    if (room < 0) break;
    count += 1;
  }
  return Math.max(1, count);
}

/** What does not fit in at all is left out, and so not confirmed. */
export function handOverText(
  messages: readonly Delivered[],
  facts: { readonly name: string; readonly remaining: number; readonly now: number },
): HandOver {
  const { name, remaining, now } = facts;
  for (let shown = messages; shown.length > 0; shown = shown.slice(0, -1)) {
    const rest = remaining + messages.length - shown.length;
    for (let bodyBytes = SHOWN_BYTES; bodyBytes >= LEAST_BODY_BYTES; bodyBytes /= 2) {
      const body = forModel(shown, { now, bodyBytes });
      const text = `${countWords(shown.length)} for ${name} through ipc:\n\n${body}${restWords(rest)}`;
      if (text.length <= CONTEXT_CHARACTERS) return { text, shown };
    }
    if (shown.length === 1) return { text: strangeText(shown, facts), shown };
  }
  return { text: '', shown: [] };
}

function countWords(count: number): string {
  return count === 1 ? 'A message' : `${count} messages`;
}

function restWords(rest: number): string {
  return rest === 0 ? '' : `\n${rest} more unread; "ipc check" or the tool check of ipc shows them.\n`;
}

/** One with so many recipients or attachments that their names alone fill everything. */
function strangeText(
  [message]: readonly Delivered[],
  { name, remaining }: { readonly name: string; readonly remaining: number },
): string {
  if (message === undefined) return '';
  const from = visibleLine(message.from.name);
  return `A message for ${name} through ipc is too large to show here: ${message.id} from ${from}; "ipc history ${message.id}" shows it.\n${restWords(remaining)}`;
}

export interface Greeting {
  readonly name: string;
  /** What should be known about the name. */
  readonly note: string;
  readonly others: readonly AgentView[];
  readonly waiting: readonly Delivered[];
  readonly unread: number;
  readonly handsOver: boolean;
  readonly now: number;
}

/** Shown again when a session is resumed, so everything that changes is said to be as of a time. */
export function greetingText(greeting: Greeting): string {
  const { name, note, others, waiting, unread, handsOver, now } = greeting;
  const at = new Date(now).toISOString();
  const lines = [
    `This session is the agent "${name}" on ipc, which carries messages between the agents, shells and people of this machine.`,
    ...(note === '' ? [] : [note]),
    `As of ${at} (later changes are not shown here): ${hereWords(others)}; ${unread === 0 ? 'nothing' : unread} unread for ${name}.`,
    ...waiting.slice(0, PREVIEWED).map((message) => previewLine(message, now)),
  ];
  if (unread > PREVIEWED) lines.push(`- and ${unread - PREVIEWED} more`);
  if (unread > 0)
    lines.push(
      handsOver
        ? 'Unread messages come with the next prompt or tool result, or with the tool check of ipc.'
        : 'Auto-checking is off: unread messages stay until the tool check of ipc or "ipc check" asks for them.',
    );
  return `${lines.join('\n')}\n`;
}

function hereWords(others: readonly AgentView[]): string {
  if (others.length === 0) return 'nobody else was here';
  const shown = others.slice(0, NAMED).map(({ name, kind, sessions }) => {
    const project = sessions.map((session) => session.project).find((found) => found !== undefined);
    const where = project === undefined ? '' : ` in ${quoted(project, 60)}`;
    return `${visibleLine(name)} (${kind}${where})`;
  });
  const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : '';
  return `${shown.join(', ')}${more} ${others.length === 1 ? 'was' : 'were'} here`;
}

/** Nothing of the text: it is shown once, when it is handed over. */
function previewLine(message: Delivered, now: number): string {
  const { from, sentAt, body, bodyBlob, intent } = message;
  const size = formatBytes(bodyBlob?.size ?? Buffer.byteLength(body));
  const wish = intent === 'request' ? ', asks for an answer' : '';
  return `- from ${visibleLine(from.name)} (${from.kind}), sent ${sentAt} (${ago(sentAt, now)} then), ${size}${wish}`;
}

function quoted(text: string, characters: number): string {
  const line = Array.from(visibleLine(text));
  const short = line.length > characters ? `${line.slice(0, characters).join('')}…` : line.join('');
  return escaped(JSON.stringify(short));
}
