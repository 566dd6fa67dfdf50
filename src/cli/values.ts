/** Flags as a verb reads them. Asking for one that the verb did not declare is a bug and throws. */
import { Failure } from '../protocol/failures.ts';
import { numberThatChanges } from '../protocol/json-numbers.ts';
import type { Input, OperationName } from '../protocol/operations.ts';
import type { FlagValue } from './flag-value.ts';
import { globalFlags, type Flag, type FromTable } from './verb.ts';

export interface Values {
  text(field: string): string | undefined;
  texts(field: string): readonly string[];
  number(field: string): number | undefined;
  on(field: string): boolean;
  /** The verb knows this flag, given or not. */
  declares(field: string): boolean;
}

export function readValues(given: ReadonlyMap<string, readonly FlagValue[]>, flags: readonly Flag[]): Values {
  const declared = new Set([...flags, ...globalFlags].map((flag) => flag.field));
  const all = (field: string): readonly FlagValue[] => {
    if (!declared.has(field)) throw new Error(`the verb has no flag for ${field}`);
    return given.get(field) ?? [];
  };
  return {
    text: (field) => all(field).find((value) => typeof value === 'string'),
    texts: (field) => all(field).filter((value) => typeof value === 'string'),
    number: (field) => all(field).find((value) => typeof value === 'number'),
    declares: (field) => declared.has(field),
    on: (field) => all(field).at(-1) === true,
  };
}

/** The part of an operation's input that flags filled. */
export function inputOf<K extends OperationName>(table: FromTable, values: Values): Partial<Input<K>> {
  const input: Record<string, unknown> = {};
  for (const flag of table.flags) {
    const value = valueOf(flag, values);
    if (value !== undefined) input[flag.field] = value;
  }
  // The flags are those of the operation's own fields, checked by kind; the daemon checks the rest.
  return input as Partial<Input<K>>;
}

function valueOf(flag: Flag, values: Values): unknown {
  switch (flag.kind) {
    case 'switch':
      return values.on(flag.field) ? true : undefined;
    case 'integer':
    case 'number':
    case 'duration':
      return values.number(flag.field);
    case 'json':
      return jsonOf(values.text(flag.field), `--${flag.name}`);
    case 'text':
    case 'choice':
    case 'instant':
    case 'file':
      return values.text(flag.field);
  }
}

export function jsonOf(text: string | undefined, where: string): unknown {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid_data', `wanted JSON for ${where}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const changed = numberThatChanges(text);
  if (changed === undefined) return value;
  throw new Failure('invalid_data', `wanted numbers that a double holds for ${where}, found ${changed}`, {
    hint: 'write it as a string, or attach the JSON with --file',
  });
}
