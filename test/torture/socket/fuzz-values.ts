/**
 * What the fuzzer fills calls with: values that the table's own schemas allow, so that a new operation is
 * fuzzed by itself, and values that no schema of a mailbox should meet calmly.
 */
import { z } from 'zod';
import { operations } from '../../../src/protocol/operations.ts';
import type { Chance } from '../chance.ts';

/** JSON text that `JSON.stringify` would not write. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export function encode(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(encode).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${encode(member)}`);
  return `{${members.join(',')}}`;
}

/** Whom values may name. */
export interface Cast {
  /** Names and keys of the fuzzer's own agents. */
  readonly own: readonly { readonly name: string; readonly key: string }[];
  /** Names of others: may be asked for and claimed, never written to, paused or removed. */
  readonly others: readonly string[];
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
}

export const methods: readonly string[] = Object.keys(operations);

const schemas = new Map<string, Schema>(
  Object.entries(operations).map(([name, row]) => [
    name,
    z.toJSONSchema(row.input, { io: 'input', unrepresentable: 'any' }) as Schema,
  ]),
);

/** Whether the daemon would take these parameters; what it would do with them is another question. */
export function isAllowed(method: string, params: unknown): boolean {
  const row = Object.entries(operations).find(([name]) => name === method)?.[1];
  // Absent and null are the empty object to the daemon.
  return row !== undefined && row.input.safeParse(params ?? {}).success;
}

const NAMES = /^(name|names|to|topic|from|with|notify|kernel|executors|allow)$/;
const HARMFUL = /^(to|notify)$/;
const DESTRUCTIVE = /^(agent\.remove|pause)$/;
const IDS = Array.from({ length: 64 }, (_, at) => `01890000-0000-7000-8000-${String(at).padStart(12, '0')}`);

export function parametersOf(method: string, chance: Chance, cast: Cast): Record<string, unknown> {
  const schema = schemas.get(method);
  const value = schema === undefined ? {} : valueOf(schema, { chance, cast, method, field: '' });
  return value as Record<string, unknown>;
}

interface Place {
  readonly chance: Chance;
  readonly cast: Cast;
  readonly method: string;
  readonly field: string;
}

function valueOf(schema: Schema, place: Place): unknown {
  const { chance } = place;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return chance.pick(schema.enum);
  if (schema.anyOf !== undefined) return valueOf(chance.pick(schema.anyOf), place);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([key]) => schema.required?.includes(key) === true || chance.below(2) === 0)
          .map(([key, member]) => [key, valueOf(member, { ...place, field: key })]),
      );
    case 'array':
      return Array.from({ length: (schema.minItems ?? 0) + chance.below(3) }, () =>
        valueOf(schema.items ?? {}, place),
      );
    case 'string':
      return textOf(schema, place);
    case 'integer':
    case 'number':
      return numberOf(schema, chance);
    case 'boolean':
      return chance.below(2) === 0;
    default:
      return chance.pick<unknown>([null, 'text', { a: [1, { b: null }] }, [], 0.5]);
  }
}

function textOf(schema: Schema, { chance, cast, method, field }: Place): string {
  if (schema.format === 'uuid') return chance.below(4) === 0 ? crypto.randomUUID() : chance.pick(IDS);
  if (schema.format === 'date-time') return chance.pick(['2001-01-01T00:00:00Z', '2999-12-31T23:59:59Z']);
  if (field === 'key') return chance.pick(cast.own).key;
  if (field === 'sha256') return 'a'.repeat(64);
  if (NAMES.test(field)) {
    const own = chance.pick(cast.own).name;
    if (HARMFUL.test(field) || DESTRUCTIVE.test(method))
      return chance.pick([own, own, 'nobody-yet', '#topic']);
    return chance.pick([own, chance.pick(cast.others), 'nobody-yet']);
  }
  const least = schema.minLength ?? 0;
  const length = Math.max(least, chance.below(Math.min(schema.maxLength ?? 200, 200) + 1));
  return chance.pick(['x', 'ä', '\u0000', '"', '𝄞', ' ']).repeat(length).slice(0, Math.max(least, length));
}

function numberOf({ minimum = 0, maximum = 1_000 }: Schema, chance: Chance): number {
  return chance.pick([minimum, maximum, minimum + chance.below(Math.min(100, maximum - minimum + 1))]);
}

/** What stands where something else was wanted. */
export function extreme(chance: Chance): unknown {
  return chance.pick<() => unknown>([
    () => null,
    () => true,
    () => '',
    () => [],
    () => ({}),
    () => -1,
    () => new Raw('-0'),
    () => new Raw('1e999'),
    () => new Raw('-1e999'),
    () => new Raw('9223372036854775808'),
    () => new Raw('18446744073709551616.5'),
    () => new Raw('9'.repeat(400)),
    () => new Raw(`0.${'0'.repeat(400)}1`),
    () => new Raw('1.7976931348623157e308'),
    () => 'x'.repeat(chance.pick([65, 255, 4_097, 65_536, 65_537])),
    () => '\u0000'.repeat(64),
    () => new Raw('"\\ud800"'),
    () => new Raw('"\\udfff\\ud800"'),
    () => '__proto__',
    () => 'constructor',
    () => '../../../../etc/passwd',
    () => "'; DROP TABLE message; --",
    () => '%s%n\u001b]0;x\u0007',
    () => '\u202e\ufeff\u2028',
    () => new Raw('{"__proto__":{"polluted":true}}'),
    () => new Raw('{"constructor":{"prototype":{"polluted":true}},"toString":1,"then":{}}'),
    () => new Raw(`${'['.repeat(60)}${']'.repeat(60)}`),
    () => Array.from({ length: 2_000 }, () => 'x'),
    () => 'NaN',
    () => 'all',
    () => '@all',
    () => '#',
    () => '*',
  ])();
}
