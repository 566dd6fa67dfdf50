/**
 * Flags of a verb, derived from the zod table of operations. Imported only as a Bun macro
 * (`with { type: 'macro' }`): it runs when the program is bundled, what it returns stands in the
 * verb's file as plain data, and the cold path never loads zod (design §3).
 */
import { z } from 'zod';
import { operations, type OperationName } from '../protocol/operations.ts';
import type { Flag, FlagKind, FromTable } from './verb.ts';

interface Field {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
}

/** `fields` are names of input fields; `field:duration` reads a number of seconds as 90s, 30m, 2h. */
export function fromTable(operation: OperationName, fields: readonly string[] = []): FromTable {
  const row = operations[operation];
  const schema = z.toJSONSchema(row.input, { io: 'input', unrepresentable: 'any' });
  const properties = (schema.properties ?? {}) as Record<string, Field>;
  return {
    operation,
    summary: row.summary,
    flags: fields.map((text) => {
      const [field = '', as] = text.split(':');
      const property = properties[field];
      if (property === undefined) throw new Error(`${operation} has no input field ${field}`);
      return flagOf(field, property, as === 'duration' ? as : 'itself');
    }),
    fields: Object.keys(properties),
  };
}

export function kebab(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function flagOf(field: string, property: Field, as: 'itself' | 'duration'): Flag {
  const duration = as === 'duration';
  const kind = duration ? 'duration' : kindOf(field, property);
  const help = (property.description ?? field).replace(
    /^seconds (until|to) /,
    duration ? '$1 ' : 'seconds $1 ',
  );
  const initial =
    property.default === undefined
      ? {}
      : { initial: duration ? `${property.default}s` : String(property.default) };
  // Exclusive bounds are of integers here: one more is the smallest allowed.
  const min =
    property.minimum ?? (property.exclusiveMinimum === undefined ? undefined : property.exclusiveMinimum + 1);
  return {
    name: kebab(field),
    field,
    kind,
    help,
    ...(kind === 'switch' ? {} : { hint: hintOf(kind, property) }),
    ...(property.enum === undefined ? {} : { choices: [...property.enum] }),
    ...(kind === 'text' && property.format === 'uuid' ? { uuid: true as const } : {}),
    ...(min === undefined ? {} : { min }),
    ...(property.maximum === undefined ? {} : { max: property.maximum }),
    ...initial,
    ...(duration && property.type === 'integer' ? { whole: true as const } : {}),
  };
}

function kindOf(field: string, property: Field): FlagKind {
  if (property.enum !== undefined) return 'choice';
  if (property.format === 'date-time') return 'instant';
  switch (property.type) {
    case 'boolean':
      return 'switch';
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'string':
      return 'text';
    case undefined:
      return 'json';
    default:
      throw new Error(`field ${field} of type ${property.type} cannot be a flag`);
  }
}

function hintOf(kind: FlagKind, property: Field): string {
  switch (kind) {
    case 'choice':
      return (property.enum ?? []).join('|');
    case 'instant':
      return 'time';
    case 'duration':
      return 'time';
    case 'integer':
    case 'number':
      return 'n';
    case 'json':
      return 'json';
    case 'switch':
    case 'file':
    case 'text':
      return property.format === 'uuid' ? 'id' : 'text';
  }
}
