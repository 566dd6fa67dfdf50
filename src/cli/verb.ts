/**
 * `cli/` is the composition root of every process but the daemon: argv in, one verb run, an exit code
 * out. It may use everything but core/, store/ and daemon/: a command is always a client, there is no
 * second path to the data. A verb is one file in `verbs/`, its flags come from the operations table.
 *
 * This file says what a verb is.
 */
import type { OperationName } from '../protocol/operations.ts';
import type { Call } from './call.ts';

export type FlagKind =
  'switch' | 'text' | 'number' | 'integer' | 'duration' | 'instant' | 'choice' | 'json' | 'file';

export interface Flag {
  /** As it is typed, without dashes. */
  readonly name: string;
  /** The operation's input field it fills, or the verb's own word for it. */
  readonly field: string;
  readonly kind: FlagKind;
  readonly help: string;
  /** What stands for the value in help; unneeded for a switch. */
  readonly hint?: string;
  readonly short?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly initial?: string;
  /** A duration that the operation wants in whole seconds. */
  readonly whole?: true;
  /** A text that must be a UUID. */
  readonly uuid?: true;
  /** May be given several times. */
  readonly repeat?: true;
  /** Its value may be left out; it is then this text. */
  readonly bare?: string;
}

/** What the table of operations knows of a verb: derived at bundle time by `flags.ts`. */
export interface FromTable {
  readonly operation: OperationName;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Every field of the operation's input. */
  readonly fields: readonly string[];
}

export interface Spec {
  /** `send`, or `topic join` for a verb of a group. */
  readonly name: string;
  readonly summary: string;
  /** What stands after the name, as help shows it. */
  readonly usage: string;
  readonly group: 'messages' | 'people' | 'kernels' | 'care' | 'system';
  readonly flags: readonly Flag[];
  /** How many words may stand after the name; `max` absent: any number. */
  readonly words: { readonly min: number; readonly max?: number };
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  readonly notes?: string;
  /** Operations it is the CLI's form of, with the input fields that are filled by other means than a flag. */
  readonly operations: Readonly<Partial<Record<OperationName, Readonly<Record<string, string>>>>>;
}

export interface Verb {
  readonly spec: Spec;
  /** The exit code; nothing is 0. Failures are thrown. */
  readonly run: (call: Call) => Promise<number | void>;
}

/** Flags every verb understands, wherever they stand before `--`. */
export const globalFlags: readonly Flag[] = [
  { name: 'json', field: 'json', kind: 'switch', help: 'print one JSON object, errors too' },
  { name: 'as', field: 'as', kind: 'text', hint: 'name', help: 'act as this name' },
  { name: 'quiet', field: 'quiet', kind: 'switch', short: 'q', help: 'say nothing but what was asked for' },
  { name: 'no-color', field: 'noColor', kind: 'switch', help: 'no colour (also NO_COLOR, IPC_NO_COLOR)' },
  { name: 'help', field: 'help', kind: 'switch', short: 'h', help: 'show help with examples' },
];
