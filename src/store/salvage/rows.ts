/** Which table a found row belongs to: by the number and kinds of its values, whatever page it lay on. */
import { deliveryStates, kinds } from '../../protocol/model.ts';
import type { Value } from '../engine/connection.ts';
import type { Cell } from './records.ts';

export type Sought = 'agent' | 'topic' | 'message' | 'delivery';

type Check = (value: Value) => boolean;

const integer: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value);
const real: Check = (value) => typeof value === 'number';
const text: Check = (value) => typeof value === 'string';
const bytes: Check = (value) => value instanceof Uint8Array;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);
/** The number of a row stands before the row, not in it. */
const rowNumber: Check = (value) => value === null;
const list: Check = (value) => typeof value === 'string' && value.startsWith('[');

const maybeInteger = orNull(integer);
const maybeText = orNull(text);

interface Shape {
  readonly columns: readonly string[];
  readonly checks: readonly Check[];
  /** What the last columns hold, which later schemas added: a row written before ends where they begin. */
  readonly added: readonly Value[];
}

function shape(columns: Readonly<Record<string, Check>>, ...added: readonly Value[]): Shape {
  return { columns: Object.keys(columns), checks: Object.values(columns), added };
}

/** In the order of the schema's columns. */
export const shapes: Readonly<Record<Sought, Shape>> = {
  agent: shape(
    {
      id: rowNumber,
      name: text,
      name_key: maybeText,
      kind: orNull(oneOf(kinds)),
      key_hash: orNull(bytes),
      created_at: integer,
      seen_at: maybeInteger,
      about: maybeText,
      paused_until: orNull(real),
      depth: integer,
      waiting: integer,
      held: integer,
      delayed: integer,
      last_from: maybeInteger,
      auto_named: integer,
      anchor_pid: maybeInteger,
      anchor_started: maybeText,
      confirmed_doors: list,
      heard: integer,
    },
    0,
  ),
  topic: shape({ id: rowNumber, name: text, name_key: text }),
  message: shape({
    seq: rowNumber,
    id: text,
    sender: integer,
    sender_name: text,
    sender_kind: oneOf(kinds),
    verified: integer,
    client: maybeText,
    directory: maybeText,
    addressed: list,
    thread: text,
    reply_to: maybeText,
    forward_of: maybeText,
    intent: text,
    priority: text,
    depth: integer,
    sent_at: integer,
    not_before: maybeInteger,
    expires_at: maybeInteger,
    digest: bytes,
    data: maybeText,
    attachments: orNull(list),
    body_blob: maybeText,
    body: text,
  }),
  delivery: shape(
    {
      place: rowNumber,
      message: integer,
      agent: integer,
      filed: integer,
      arrived: integer,
      state: oneOf(deliveryStates),
      bytes: integer,
      attempts: integer,
      lease: maybeInteger,
      due_at: maybeInteger,
      expires_at: maybeInteger,
      offered_at: maybeInteger,
      handed_at: maybeInteger,
      seen_at: maybeInteger,
      acked_at: maybeInteger,
      ended_at: maybeInteger,
      reminder: maybeInteger,
      door: maybeText,
      offered_by: maybeText,
      reason: maybeText,
      asked: text,
      forwarded: integer,
      imported: integer,
    },
    0,
  ),
};

const tables = Object.keys(shapes) as Sought[];

/** Null: a row of no table of these, or one that was altered so that it cannot be one. */
export function tableOf({ rowid, values }: Cell): Sought | null {
  if (rowid <= 0) return null;
  const found = tables.find((table) => {
    const { checks, added } = shapes[table];
    const isWide = values.length <= checks.length && values.length >= checks.length - added.length;
    return isWide && values.every((value, nth) => checks[nth]?.(value) === true);
  });
  return found ?? null;
}

/** As it goes into its table: with its number, and with what it was written without. */
export function rowOf(table: Sought, { rowid, values }: Cell): Value[] {
  const { columns, added } = shapes[table];
  return [rowid, ...values.slice(1), ...added.slice(added.length - (columns.length - values.length))];
}
