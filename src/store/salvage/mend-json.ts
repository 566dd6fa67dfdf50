/** What stands in the rows as JSON: with one wrong byte every look into the mailbox would end at that message. */
import type { Sql } from '../engine/connection.ts';

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
