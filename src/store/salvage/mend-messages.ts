/** What one wrong byte of a message makes an obstacle to all that comes after it in a mailbox: its id, what is JSON. */
import type { Sql } from '../engine/connection.ts';

const HEX = '[0-9a-f]';
const hex = (count: number): string => HEX.repeat(count);
const NO_ID = `SELECT seq, id FROM message WHERE id IS NULL OR id NOT GLOB
  '${hex(8)}-${hex(4)}-[1-8]${hex(3)}-[89ab]${hex(3)}-${hex(12)}'`;
const SET_ID = 'UPDATE message SET id = ?2 WHERE seq = ?1';

/** A message whose id lost a bit could be read and never confirmed: every later one would wait behind it for ever. */
export function mendIds(sql: Sql, idOf: (...words: readonly string[]) => string): void {
  for (const { seq, id } of sql.all<{ seq: number; id: string | null }>(NO_ID))
    sql.run(SET_ID, seq, idOf('message', String(seq), String(id)));
}

// With one wrong byte every look into the mailbox would end at that message.
const NO_NAMES = "coalesce(json_type(CASE WHEN json_valid(addressed) THEN addressed END) <> 'array', 1)";
const OTHERS = ['attachments', 'body_blob', 'data'] as const;
const broken = (column: string): string => `${column} IS NOT NULL AND NOT json_valid(${column})`;

const UNREADABLE = `SELECT id FROM message
  WHERE ${NO_NAMES} ${OTHERS.map((column) => `OR (${broken(column)})`).join(' ')}`;

export function unreadableIn(sql: Sql): readonly string[] {
  return sql.all<{ id: string }>(UNREADABLE).map(({ id }) => id);
}

// Without its files or its data a message has another digest, and is told as altered. Whom it was addressed to is in
// no digest, and its deliveries tell it again.
const STATEMENTS = [
  `UPDATE message SET addressed = (SELECT json_group_array(asked) FROM delivery WHERE message = seq)
    WHERE ${NO_NAMES}`,
  ...OTHERS.map((column) => `UPDATE message SET ${column} = NULL WHERE ${broken(column)}`),
  "UPDATE agent SET confirmed_doors = '[]' WHERE NOT json_valid(confirmed_doors)",
] as const;

export function mendJson(sql: Sql): void {
  for (const statement of STATEMENTS) sql.run(statement);
}
