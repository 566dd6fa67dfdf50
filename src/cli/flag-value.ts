/** The text of a flag as the value it stands for, or a refusal that says what was wanted. */
import { Failure } from '../protocol/failures.ts';
import { parseDuration } from '../present/time.ts';
import { isMessageId } from '../protocol/message-id.ts';
import { suggest } from './suggest.ts';
import type { Flag } from './verb.ts';

export type FlagValue = string | number | boolean;

interface Around {
  readonly name: string;
  readonly now: () => number;
}

export function flagValue(flag: Flag, text: string | true, around: Around): FlagValue {
  if (text === true) return true;
  switch (flag.kind) {
    case 'switch':
      return switchValue(flag, text, around);
    case 'text':
      if (flag.uuid === true && !isMessageId(text))
        throw refused(flag, `a UUID, found ${JSON.stringify(text)}`, around);
      return text;
    case 'json':
    case 'file':
      return text;
    case 'choice':
      return choiceValue(flag, text, around);
    case 'duration':
      return within(flag, parseDuration(text), around);
    case 'integer':
    case 'number':
      return numberValue(flag, text, around);
    case 'instant':
      return instantValue(flag, text, around);
  }
}

function switchValue(flag: Flag, text: string, around: Around): boolean {
  if (['true', 'yes', 'on', '1'].includes(text)) return true;
  if (['false', 'no', 'off', '0'].includes(text)) return false;
  throw refused(flag, `no value (or true, false), found ${JSON.stringify(text)}`, around);
}

function choiceValue(flag: Flag, text: string, around: Around): string {
  const choices = flag.choices ?? [];
  if (choices.includes(text)) return text;
  const near = suggest(text, choices);
  const mean = near === undefined ? '' : `; did you mean ${near}?`;
  throw refused(flag, `${choices.join(', ')}; found ${JSON.stringify(text)}${mean}`, around);
}

function numberValue(flag: Flag, text: string, around: Around): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  const whole = flag.kind === 'integer';
  if (Number.isNaN(value) || (whole && !Number.isInteger(value)))
    throw refused(flag, `a ${whole ? 'whole ' : ''}number, found ${JSON.stringify(text)}`, around);
  return within(flag, value, around);
}

function within(flag: Flag, value: number, around: Around): number {
  if (flag.min !== undefined && value < flag.min)
    throw refused(flag, `at least ${flag.min}, found ${value}`, around);
  if (flag.max !== undefined && value > flag.max)
    throw refused(flag, `at most ${flag.max}, found ${value}`, around);
  return flag.kind === 'duration' && flag.whole === true ? Math.round(value) : value;
}

/** ISO 8601 on the wire has four digits for the year. */
const LAST_INSTANT = Date.UTC(9999, 11, 31);

/** An instant, or how long from now: "2h". */
function instantValue(flag: Flag, text: string, around: Around): string {
  if (/^(in\s+)?\d+(\.\d+)?\s*[a-z]/i.test(text)) {
    const seconds = parseDuration(text.replace(/^in\s+/i, ''));
    const at = around.now() + seconds * 1_000;
    if (at > LAST_INSTANT)
      throw refused(flag, `a time before the year 10000, found ${JSON.stringify(text)}`, around);
    return new Date(at).toISOString();
  }
  const milliseconds = isDay(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds) || milliseconds > LAST_INSTANT)
    throw refused(flag, `a time such as 2h or 2026-08-22T14:00:00Z, found ${JSON.stringify(text)}`, around);
  return new Date(milliseconds).toISOString();
}

/** Whether it begins with a day of the calendar: Date.parse takes February 30 for a day in March. */
function isDay(text: string): boolean {
  const [found, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})/.exec(text) ?? [];
  if (found === undefined) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

function refused(flag: Flag, wanted: string, { name }: Around): Failure {
  return new Failure('invalid', `--${flag.name}: wanted ${wanted}`, {
    hint: name === '' ? 'ipc help' : `ipc help ${name}`,
  });
}
