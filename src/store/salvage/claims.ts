/**
 * Whose delivery a row is, by the index beside it: rows of deliveries carry no digest, and one flipped bit leads one
 * to a message that was sent to somebody else, or to one that its mailbox has already.
 */
import type { Sql } from '../engine/connection.ts';
import type { Cell } from './records.ts';
import type { Forest } from './trees.ts';

/** How much of a row fits a message: its length, and the name that was asked for. */
const FIT = `SELECT (octet_length(body) = ?2) + coalesce(
    (SELECT max(value = ?3) FROM json_each(CASE WHEN json_valid(addressed) THEN addressed END)), 0) AS fit
  FROM message WHERE seq = ?1`;
/** Where the row has them (rows.ts). */
const [MESSAGE, AGENT, BYTES, ASKED] = [1, 2, 6, 20] as const;

interface Pair {
  readonly message: number;
  readonly agent: number;
}

/** The delivery as it was, where that can be told; any other cell as it is. Messages are to be there already. */
export function claimsOf(sql: Sql, forest: Forest): (cell: Cell) => Cell {
  const pairs = new Map<number, Pair>();
  const places = new Map<string, number>();
  for (const cell of forest.cells('delivery_message')) {
    const [message, agent, place] = cell?.values ?? [];
    if (typeof message !== 'number' || typeof agent !== 'number' || typeof place !== 'number') continue;
    pairs.set(place, { message, agent });
    places.set(`${message} ${agent}`, place);
  }
  const fit = (message: number, { values }: Cell): number =>
    sql.get<{ fit: number }>(FIT, message, values[BYTES] ?? null, values[ASKED] ?? null)?.fit ?? 0;
  return (cell) => {
    const { rowid, values } = cell;
    const { [MESSAGE]: message, [AGENT]: agent } = values;
    if (typeof message !== 'number' || typeof agent !== 'number') return cell;
    const place = places.get(`${message} ${agent}`);
    const pair = pairs.get(rowid);
    if (place === rowid || pair === undefined) return cell;
    const isOthers = place !== undefined || fit(pair.message, cell) > fit(message, cell);
    if (!isOthers) return cell;
    return { ...cell, values: values.with(MESSAGE, pair.message).with(AGENT, pair.agent) };
  };
}
