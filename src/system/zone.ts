/**
 * How far local time is from UTC, read from the system's own table: the first local hour asked of a
 * Date loads the runtime's time zones, 3 ms, as long as an empty program takes in all.
 */
import { readFileSync } from 'node:fs';
import { type Environment, variable } from './environment.ts';

/** Minutes east of UTC at an instant in milliseconds. */
export type LocalOffset = (at: number) => number;

const LOCAL = '/etc/localtime';
const ZONES = '/usr/share/zoneinfo';

export function localOffset(environment: Environment): LocalOffset {
  const fixed = fixedOffset(variable(environment, 'TZ'));
  let table: Table | undefined | 'unread' = 'unread';
  return (at) => {
    if (fixed !== undefined) return fixed;
    if (table === 'unread') table = readTable(environment);
    return (table === undefined ? undefined : lookUp(table, at)) ?? -new Date(at).getTimezoneOffset();
  };
}

/**
 * `UTC+3`, `<+0330>-3:30`: a POSIX rule without summer time, which the runtime takes for UTC without a
 * word. Its sign is the other way round: west of UTC is positive (POSIX.1-2024 §8.3).
 */
function fixedOffset(zone: string | undefined): number | undefined {
  const rule = /^:?(?:[A-Za-z]{3,}|<[\w+-]{3,}>)([+-]?)(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?$/.exec(zone ?? '');
  if (rule === null) return undefined;
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = rule;
  if (Number(hours) > 24 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const west = Number(hours) * 60 + Number(minutes) + Number(seconds) / 60;
  // Never a zero with a sign: it would be shown.
  return sign === '-' ? west : 0 - west;
}

interface Table {
  readonly view: DataView;
  readonly times: number;
  readonly transitions: number;
  readonly types: number;
  /** After the last transition a rule goes on that this reader does not know. */
  readonly hasRule: boolean;
}

function readTable(environment: Environment): Table | undefined {
  const zone = variable(environment, 'TZ')?.replace(/^:/, '');
  if (zone !== undefined && !/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(zone)) return undefined;
  try {
    const bytes = readFileSync(zone === undefined ? LOCAL : `${ZONES}/${zone}`);
    return parseTable(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes);
  } catch {
    // Windows, a bare container, a zone written as a rule: the runtime knows.
    return undefined;
  }
}

const HEADER = 44;

/** The 64-bit half of a TZif file (RFC 9636 §3), which follows the 32-bit one. */
function parseTable(view: DataView, bytes: Uint8Array): Table | undefined {
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  const version = view.getUint8(4);
  if (magic !== 'TZif' || version < 0x32) return undefined;
  const old = counts(view, 0);
  const second = HEADER + old.times * 5 + old.types * 6 + old.chars + old.leaps * 8 + old.walls + old.utcs;
  const { times, types, chars, leaps, walls, utcs } = counts(view, second);
  const transitions = second + HEADER;
  const typesAt = transitions + times * 9;
  const footer = bytes.subarray(typesAt + types * 6 + chars + leaps * 12 + walls + utcs);
  return { view, times, transitions, types: typesAt, hasRule: footer.includes(','.charCodeAt(0)) };
}

function counts(view: DataView, at: number) {
  const [utcs = 0, walls = 0, leaps = 0, times = 0, types = 0, chars = 0] = [20, 24, 28, 32, 36, 40].map(
    (field) => view.getUint32(at + field),
  );
  return { utcs, walls, leaps, times, types, chars };
}

function lookUp({ view, times, transitions, types, hasRule }: Table, at: number): number | undefined {
  const second = Math.floor(at / 1_000);
  const timeOf = (index: number): number => Number(view.getBigInt64(transitions + index * 8));
  let low = 0;
  let high = times;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(middle) <= second) low = middle + 1;
    else high = middle;
  }
  if (low === times && hasRule) return undefined;
  const type = low === 0 ? 0 : view.getUint8(transitions + times * 8 + low - 1);
  return view.getInt32(types + type * 6) / 60;
}
