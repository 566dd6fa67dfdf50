/** Instants and durations as people write and read them. The present moment comes with the call. */
import { Failure } from '../protocol/failures.ts';
import type { LocalOffset } from '../system/zone.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const scales = [
  { name: 'year', size: 365 * DAY, from: 365 * DAY },
  { name: 'month', size: 30 * DAY, from: 60 * DAY },
  { name: 'week', size: WEEK, from: 2 * WEEK },
  { name: 'day', size: DAY, from: DAY },
  { name: 'hour', size: HOUR, from: HOUR },
  { name: 'minute', size: MINUTE, from: MINUTE },
  { name: 'second', size: SECOND, from: 5 * SECOND },
] as const;

/** "2 days ago", "in 3 hours", "just now". */
export function relative(instant: string, now: number): string {
  const distance = now - Date.parse(instant);
  const size = Math.abs(distance);
  const scale = scales.find((candidate) => size >= candidate.from);
  if (scale === undefined || Number.isNaN(distance)) return 'just now';
  // What is past is told as what has passed for sure; "in 30 minutes" a moment later is still that.
  const count = distance < 0 ? Math.round(size / scale.size) : Math.floor(size / scale.size);
  const words = `${count} ${scale.name}${count === 1 ? '' : 's'}`;
  return distance < 0 ? `in ${words}` : `${words} ago`;
}

/** Of what has been: "2 days ago". By a clock that was set back since, it lies ahead, which is not "in 2 hours". */
export function ago(instant: string, now: number): string {
  const words = relative(instant, now);
  return words.startsWith('in ') ? `${words.slice(3)} ahead of this clock` : words;
}

/**
 * "2026-08-22 14:03:07", in the zone of whoever reads it. How far that is from UTC comes with the call:
 * a Date asked for its local hour loads the runtime's time zones, 4 ms.
 */
export function exact(instant: string, offset: LocalOffset): string {
  const at = Date.parse(instant);
  const date = new Date(at + offset(at) * MINUTE);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** The year in which "until lifted" ends on the wire. */
export function isForever(instant: string): boolean {
  return instant.startsWith('9999-');
}

const units: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3_600,
  hr: 3_600,
  hour: 3_600,
  d: 86_400,
  day: 86_400,
  w: 604_800,
  week: 604_800,
};

const PART = /^(\d+(?:\.\d+)?)\s*([a-z]*)\s*/;

/** Seconds of "90", "90s", "30m", "2h", "1h30m", "2 days". Throws `invalid`. */
export function parseDuration(text: string): number {
  let rest = text.trim().toLowerCase();
  let seconds = 0;
  if (rest === '') throw notADuration(text);
  while (rest !== '') {
    const part = PART.exec(rest);
    if (part === null) throw notADuration(text);
    const [whole, amount = '', unit = ''] = part;
    const lone = whole.length === text.trim().length && unit === '';
    const size = lone ? 1 : (units[unit] ?? units[unit.replace(/s$/, '')]);
    if (size === undefined || (unit === '' && !lone)) throw notADuration(text);
    seconds += Number(amount) * size;
    rest = rest.slice(whole.length);
  }
  return seconds;
}

/** "90s", "30m", "2h", "1h30m", "3d": the form `parseDuration` reads back. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)}ms`;
  const whole = Math.round(seconds);
  if (whole < 60 || (whole < 120 && whole % 60 !== 0)) return `${whole}s`;
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor((whole % 86_400) / 3_600), 'h'],
    [Math.floor((whole % 3_600) / 60), 'm'],
    [whole % 60, 's'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}

function notADuration(text: string): Failure {
  return new Failure(
    'invalid',
    `wanted a length of time such as 90s, 30m or 2h, found ${JSON.stringify(text)}`,
  );
}
