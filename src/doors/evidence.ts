/**
 * Proof that a model was shown a message (design §2): the exact text that one of our doors wrote, found
 * in the event's prompt or in the tail of the transcript, where only the client program can have put
 * it. A body that quotes ids, lines, tags or whole renderings proves nothing: what our doors write is
 * escaped so that no body can hold those marks, and what a model or its tools wrote is not looked at.
 * Records as written by Claude Code 2.1.329 and Codex 0.169.0.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { asMarkup } from '../present/escape.ts';
import { excerpt, SHOWN_BYTES } from '../present/excerpt.ts';
import { lineIsWhole, messageLine } from '../present/line.ts';
import type { Delivered, Door, MessageId } from '../protocol/model.ts';
import { queuedLines } from './codex/queue-text.ts';

export interface Handed {
  readonly id: MessageId;
  readonly door: Door;
}

export interface Proof {
  readonly id: MessageId;
  readonly attempt: number;
  /** By which it was shown. */
  readonly door: Door;
}

/** How much of a transcript's end is read. */
const TAIL_BYTES = 262_144;

/** Undefined when it cannot be read; whole lines only. */
export function transcriptTail(path: string): string | undefined {
  let file: number;
  try {
    // A pipe under that name must not hold us up.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) return undefined;
    const start = Math.max(0, facts.size - TAIL_BYTES);
    const bytes = Buffer.alloc(Math.min(facts.size, TAIL_BYTES));
    const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, start));
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

export interface Looked {
  readonly prompt: string;
  readonly transcript: string;
  readonly unread: readonly Delivered[];
  readonly unproven: readonly Handed[];
}

/** What was shown whole, by the door that showed it. */
export function proofs({ prompt, transcript, unread, unproven }: Looked): readonly Proof[] {
  const ids = [...unread, ...unproven].map(({ id }) => id);
  if (ids.length === 0) return [];
  const said = saidIn(transcript, ids);
  const told = prompt === '' ? said.told : [prompt, ...said.told];
  const hooks = renderedIn(said.told);
  const tools = renderedIn(said.tools);
  const found: Proof[] = [];
  for (const message of unread) {
    const door = hooks.has(message.id) ? 'hook' : (doorShowing(message, told) ?? queueIn(prompt, message));
    if (door !== undefined) found.push({ id: message.id, attempt: message.attempt, door });
  }
  for (const { id, door } of unproven) {
    if ((door === 'tool' ? tools : hooks).has(id)) found.push({ id, attempt: 0, door });
  }
  return found;
}

function doorShowing(message: Delivered, told: readonly string[]): Door | undefined {
  return message.offeredBy?.find((door) => {
    const isShown = showings[door];
    return isShown !== undefined && told.some((text) => isShown(message, text));
  });
}

/** Codex may take up what was queued before the program that queues it says so: no offer is known yet. */
function queueIn(prompt: string, message: Delivered): Door | undefined {
  return showings.queue?.(message, prompt) === true ? 'queue' : undefined;
}

/** For each door that cannot confirm: whether this text shows all of the message. */
const showings: Partial<Record<Door, (message: Delivered, text: string) => boolean>> = {
  monitor: (message, text) => lineIsWhole(message) && isNotification(text) && hasLine(text, message),
  // The waiter's line comes as the feedback of a hook.
  hook: (message, text) => lineIsWhole(message) && isNotification(text) && hasLine(text, message),
  queue: (message, text) => lineIsWhole(message) && queuedLines(text).includes(messageLine(message)),
  channel: (message, text) => fitsChannel(message) && channelIds(text).has(message.id),
};

/** Claude Code's own words around a monitor's line, at the very beginning of a text of its own. */
export function isNotification(text: string): boolean {
  const start = text.trimStart();
  if (start.startsWith('<task-notification>')) return true;
  return start.startsWith('<system-reminder>\n[SYSTEM NOTIFICATION') && start.includes('<task-notification>');
}

/** As an event of its own, or a line of one: neither mark can stand in a line of ours. */
function hasLine(text: string, message: Delivered): boolean {
  const plain = messageLine(message);
  return [plain, asMarkup(plain)].some((line) => {
    for (let at = text.indexOf(line); at >= 0; at = text.indexOf(line, at + 1)) {
      const [before, after] = [text.slice(Math.max(0, at - 7), at), text.slice(at + line.length)];
      const begins = at === 0 || before.endsWith('\n') || before === '<event>';
      if (begins && /^(?:\r?\n|<\/event>|<\/task-notification>|$)/.test(after)) return true;
    }
    return false;
  });
}

function fitsChannel({ body, bodyBlob, data, attachments }: Delivered): boolean {
  if (bodyBlob !== undefined || data !== undefined || (attachments ?? []).length > 0) return false;
  return excerpt(body, SHOWN_BYTES).missing === 0;
}

const CHANNEL = /(?:^|\n)<channel [^<>]*?\bmessage_id="([0-9a-f-]{36})"[^<>]*>/g;

function channelIds(text: string): ReadonlySet<string> {
  const start = text.trimStart();
  if (!start.startsWith('<channel ') && !start.startsWith('<system-reminder>')) return new Set();
  return new Set([...start.matchAll(CHANNEL)].map(([, id = '']) => id));
}

/** Messages rendered for a model (present/model.ts); what is inside a fence is a body. */
function renderedIn(texts: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const text of texts) {
    let fence: string | undefined;
    for (const line of text.split('\n')) {
      if (fence !== undefined) {
        if (line === fence) fence = undefined;
        continue;
      }
      const [, id] = /^Message ([0-9a-f-]{36}) from /.exec(line) ?? [];
      if (id !== undefined) found.add(id);
      fence = /^(`{3,}) (?:text|data) of [0-9a-f-]{36}$/.exec(line)?.[1];
    }
  }
  return found;
}

// ---- the transcript ------------------------------------------------------------------------------

interface Said {
  /** What the client told the model: prompts, notifications, what hooks added. */
  readonly told: string[];
  /** What tools of ipc answered. */
  readonly tools: string[];
}

/** Records of what waits or was kept for the person, not of what the model got. */
const ASIDE = new Set(['queue-operation', 'last-prompt', 'summary', 'event_msg']);
const CALLS = new Set(['tool_use', 'function_call', 'custom_tool_call']);
const ANSWERS = new Set(['tool_result', 'function_call_output', 'custom_tool_call_output']);
const OWN = new Set(['assistant', 'model']);

function saidIn(transcript: string, ids: readonly string[]): Said {
  const said: Said = { told: [], tools: [] };
  const ours = new Set<string>();
  for (const line of transcript.split('\n')) {
    const isCall = line.includes('"tool_use"') || line.includes('"function_call"');
    if (!isCall && !ids.some((id) => line.includes(id))) continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      continue;
    }
    gather(record, { said, ours, into: said.told });
  }
  return said;
}

interface Place {
  readonly said: Said;
  /** Calls of tools of ipc. */
  readonly ours: Set<string>;
  /** Undefined: the model's own words. */
  readonly into: string[] | undefined;
}

function gather(value: unknown, place: Place): void {
  if (typeof value === 'string') return void place.into?.push(value);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) return value.forEach((item) => gather(item, place));
  const record = value as Readonly<Record<string, unknown>>;
  const word = (name: string): string => (typeof record[name] === 'string' ? record[name] : '');
  if (ASIDE.has(word('type'))) return;
  const call = word('tool_use_id') || word('call_id') || word('id');
  if (CALLS.has(word('type'))) {
    if (/(?:^|_)ipc(?:_|$)/.test(`${word('namespace')}_${word('name')}`)) place.ours.add(call || word('id'));
    return;
  }
  const inner: Place = ANSWERS.has(word('type'))
    ? { ...place, into: place.ours.has(call) ? place.said.tools : undefined }
    : OWN.has(word('role')) || OWN.has(word('type'))
      ? { ...place, into: undefined }
      : place;
  for (const [key, item] of Object.entries(record)) {
    // What Claude Code keeps of a result beside what the model got of it.
    if (key !== 'toolUseResult') gather(item, inner);
  }
}
