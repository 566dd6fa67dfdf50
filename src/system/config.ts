/**
 * `config.json` of the home: plain typed settings with defaults, checked without zod because small
 * commands read it too. A setting is written dotted or nested, and `IPC_GUARD_DEPTH` overrides
 * `guard.depth`. What is not known is an error that names the nearest: a mistyped limit that silently
 * does nothing is worse than none.
 */
import { Failure, type FailureCode } from '../protocol/failures.ts';
import { formatAddress, parseAddress } from '../protocol/names.ts';
import { type Environment, variable } from './environment.ts';
import { readIfThere, removeIfThere, replaceFile, shellWord } from './files.ts';
import { nearest } from './nearest.ts';
import type { Paths } from './paths.ts';

interface NumberSetting {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: 'seconds' | 'days' | 'bytes' | 'count';
  readonly summary: string;
}

/** A name or #topic; nothing when it is not set. */
interface AddressSetting {
  readonly default: '';
  readonly unit: 'address';
  readonly summary: string;
}

/** One of a few words. */
interface ChoiceSetting {
  readonly default: string;
  readonly choices: readonly string[];
  readonly unit: 'choice';
  readonly summary: string;
}

/** Whatever a person wrote; one line. */
interface TextSetting {
  readonly default: string;
  readonly unit: 'text';
  readonly summary: string;
}

type Setting = NumberSetting | AddressSetting | ChoiceSetting | TextSetting;

const COUNT = { min: 1, max: 1_000_000_000, unit: 'count' } as const;

export const settings = {
  autoNamedDays: {
    default: 1,
    min: 1,
    max: 3_650,
    unit: 'days',
    summary: 'auto-named agents without mail vanish so long after their last session',
  },
  'guard.burst': { ...COUNT, default: 30, summary: 'messages an agent may send at once' },
  'guard.depth': {
    ...COUNT,
    default: 30,
    summary: 'length of a chain of answers without a person at which it is held',
  },
  'guard.fanOut': { ...COUNT, default: 10, summary: 'recipients of @all beyond which --go must be said' },
  'guard.ratePerMinute': { ...COUNT, default: 60, summary: 'messages an agent may send in a minute' },
  'guard.repeatSeconds': {
    default: 10,
    min: 0,
    max: 86_400,
    unit: 'seconds',
    summary: 'time in which an agent may not say the same again',
  },
  'http.addressPerMinute': {
    ...COUNT,
    default: 600,
    summary: 'requests a minute from one address to the HTTP door that show no valid token',
  },
  'http.defaultTo': {
    default: '',
    unit: 'address',
    summary: 'name or #topic that what is posted to / of the HTTP door goes to; you when not set',
  },
  'http.idleSeconds': {
    default: 30,
    min: 1,
    max: 255,
    unit: 'seconds',
    summary: 'a connection to the HTTP door that says nothing, or too little, is closed after so long',
  },
  'http.keepAliveSeconds': {
    default: 15,
    min: 1,
    max: 3_600,
    unit: 'seconds',
    summary: 'a quiet event stream says that it lives so often; four times that stuck, it is cut off',
  },
  'http.streams': { ...COUNT, default: 4_096, summary: 'open event streams of one ipc serve' },
  'http.tokenPerMinute': {
    ...COUNT,
    default: 60_000,
    summary: 'requests a minute to the HTTP door with one token',
  },
  idleExit: {
    default: 1_800,
    min: 0,
    max: 31_536_000,
    unit: 'seconds',
    summary: 'the daemon ends after so long without anything to do; 0: never',
  },
  keepNewest: {
    default: 0,
    min: 0,
    max: 1_000_000_000,
    unit: 'count',
    summary: 'finished messages kept for one agent; 0: all of retentionDays',
  },
  'log.files': { default: 3, min: 1, max: 100, unit: 'count', summary: 'older log files kept' },
  'log.maxBytes': {
    default: 5_242_880,
    min: 4_096,
    max: 1_073_741_824,
    unit: 'bytes',
    summary: 'size at which the log is put aside',
  },
  maxConnections: { default: 1_024, min: 4, max: 100_000, unit: 'count', summary: 'sessions at once' },
  'notify.enabled': {
    default: 'on',
    choices: ['on', 'off'],
    unit: 'choice',
    summary: 'notices of the desktop for you and for sessions that nothing wakes: on or off',
  },
  'notify.sound': {
    default: 'default',
    unit: 'text',
    summary: 'sound of a notice: default, off, or a name (macOS), a file (Linux), an event (Windows)',
  },
  'quotas.mailbox': { ...COUNT, default: 100_000, summary: 'unread messages one mailbox holds' },
  'quotas.unbornMailbox': {
    ...COUNT,
    default: 10_000,
    summary: 'unread messages kept for a name nobody took',
  },
  'quotas.unbornNames': { ...COUNT, default: 1_000, summary: 'names written to that nobody took' },
  retentionDays: {
    default: 30,
    min: 1,
    max: 36_500,
    unit: 'days',
    summary: 'how long finished messages are kept',
  },
  unbornDays: {
    default: 7,
    min: 1,
    max: 3_650,
    unit: 'days',
    summary: 'how long mail for a name nobody took is kept',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
type Value = number | string;
export type Config = {
  readonly [K in SettingName]: (typeof settings)[K]['unit'] extends 'address' | 'choice' | 'text'
    ? string
    : number;
};

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

export const settingNames: readonly SettingName[] = Object.keys(settings).filter(isSettingName);

export const defaultConfig: Config = fromEntries((name) => settings[name].default);

/** Defaults, then the file, then the environment. Throws `invalid_data`. */
export function readConfig(paths: Paths, environment: Environment): Config {
  const file = readConfigFile(paths.config);
  return fromEntries((name) => {
    const overriding = variable(environment, variableOf(name));
    if (overriding !== undefined) return checkSetting(name, overriding, variableOf(name));
    return file.get(name) ?? settings[name].default;
  });
}

/** What the file itself says, checked. */
export function readConfigFile(path: string): ReadonlyMap<SettingName, Value> {
  const found = new Map<SettingName, Value>();
  for (const [name, value] of entriesOf(path)) {
    if (!isSettingName(name)) throw unknownSetting(name, { code: 'invalid_data', where: path });
    found.set(name, checkSetting(name, value, path));
  }
  return found;
}

function entriesOf(path: string): Iterable<[string, unknown]> {
  const text = readIfThere(path);
  return text === undefined || text.trim() === '' ? [] : flatten(parse(text, path), '');
}

/** Writes one setting, or with undefined takes it out. Throws `invalid_data`. */
export function changeConfig(paths: Paths, setting: SettingName, value: string | undefined): Value {
  // Unchecked: what else is wrong in the file must not keep it from being mended, one by one.
  const file = new Map(entriesOf(paths.config));
  const now = value === undefined ? settings[setting].default : checkSetting(setting, value, 'the command');
  if (value === undefined) file.delete(setting);
  else file.set(setting, now);
  if (file.size === 0) removeIfThere(paths.config);
  else replaceFile(paths.config, `${JSON.stringify(Object.fromEntries([...file].sort()), null, 2)}\n`);
  return now;
}

/** IPC_GUARD_RATE_PER_MINUTE for `guard.ratePerMinute`. */
export function variableOf(name: SettingName): string {
  return `IPC_${name
    .replaceAll('.', '_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** The setting meant by a word of a command. Throws `invalid`. */
export function settingName(name: string): SettingName {
  if (isSettingName(name)) return name;
  throw unknownSetting(name, { code: 'invalid', where: 'the command' });
}

function unknownSetting(name: string, { code, where }: { code: FailureCode; where: string }): Failure {
  const meant = nearest(name, settingNames);
  const found = `wanted a known setting, found ${JSON.stringify(name)} in ${where}`;
  return new Failure(code, meant === undefined ? found : `${found}; did you mean ${meant}`, {
    // Only the file itself can be wrong in a way that no command takes back.
    hint: code === 'invalid_data' ? edit(where) : 'ipc config list',
    details: meant === undefined ? undefined : { suggestion: meant },
  });
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function checkSetting(name: SettingName, value: unknown, where: string): Value {
  const setting: Setting = settings[name];
  if (setting.unit === 'address') return checkAddress(name, value, where);
  if (setting.unit === 'choice' || setting.unit === 'text') return checkText(name, value, { setting, where });
  const number = typeof value === 'string' ? numberOf(value, setting.unit) : value;
  if (
    typeof number === 'number' &&
    Number.isInteger(number) &&
    number >= setting.min &&
    number <= setting.max
  ) {
    return number;
  }
  throw new Failure(
    'invalid_data',
    `wanted ${name} as a whole number of ${setting.unit === 'count' ? 'things' : setting.unit} from ${setting.min} to ${setting.max}, found ${JSON.stringify(value)} in ${where}`,
    { hint: where === variableOf(name) ? `unset ${where}` : `ipc config set ${name} ${setting.default}` },
  );
}

function checkText(
  name: SettingName,
  value: unknown,
  { setting, where }: { setting: ChoiceSetting | TextSetting; where: string },
): string {
  const wanted = setting.unit === 'choice' ? setting.choices.join(' or ') : 'one line of text';
  if (typeof value === 'string') {
    if (setting.unit === 'choice' ? setting.choices.includes(value) : /^\P{Cc}{1,1024}$/u.test(value))
      return value;
  }
  throw new Failure(
    'invalid_data',
    `wanted ${name} as ${wanted}, found ${JSON.stringify(value)} in ${where}`,
    {
      hint: where === variableOf(name) ? `unset ${where}` : `ipc config set ${name} ${setting.default}`,
    },
  );
}

function checkAddress(name: SettingName, value: unknown, where: string): string {
  if (value === '') return value;
  try {
    const address = typeof value === 'string' ? parseAddress(value) : undefined;
    if (address !== undefined && address.kind !== 'all') return formatAddress(address);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  throw new Failure(
    'invalid_data',
    `wanted ${name} as a name or #topic, found ${JSON.stringify(value)} in ${where}`,
    { hint: where === variableOf(name) ? `unset ${where}` : `ipc config set ${name} --reset` },
  );
}

/** `1800`, and for times also `30m`. */
function numberOf(text: string, unit: Setting['unit']): number {
  const [, digits = '', letter = ''] = /^(\d+)([smhd]?)$/.exec(text.trim()) ?? [];
  if (digits === '') return Number.NaN;
  if (letter === '') return Number(digits);
  if (unit === 'seconds') return Number(digits) * (UNITS[letter] ?? Number.NaN);
  return unit === 'days' && letter === 'd' ? Number(digits) : Number.NaN;
}

function parse(text: string, path: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new Failure('invalid_data', `wanted JSON in ${path}: ${String(error)}`, {
      hint: edit(path),
      cause: error,
    });
  }
  throw new Failure('invalid_data', `wanted an object of settings in ${path}`, { hint: edit(path) });
}

function edit(path: string): string {
  return `"\${EDITOR:-vi}" ${shellWord(path)}`;
}

function* flatten(value: object, prefix: string): Generator<[string, unknown]> {
  for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
    const name = `${prefix}${key}`;
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      yield* flatten(inner, `${name}.`);
    else yield [name, inner];
  }
}

function fromEntries(valueOf: (name: SettingName) => Value): Config {
  // Object.fromEntries forgets the keys; every one of them comes from the table itself.
  return Object.fromEntries(settingNames.map((name) => [name, valueOf(name)])) as Config;
}
