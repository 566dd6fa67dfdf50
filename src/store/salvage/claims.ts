/**
 * Whose delivery a row is, by the index beside it: rows of deliveries carry no digest, and one flipped bit leads one
 * to a message that was sent to somebody else, or to one that its mailbox has already.
 */
import type { Sql } from '../engine/connection.ts';
import type { Cell } from './records.ts';
import type { Forest } from './trees.ts';

const LENGTH = 'SELECT octet_length(body) AS bytes FROM message WHERE seq = ?1';
/** Where the row has them (rows.ts). */
const [MESSAGE, AGENT, BYTES] = [1, 2, 6] as const;

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
  const fits = (message: unknown, bytes: unknown): boolean =>
    typeof message === 'number' && sql.get<{ bytes: number }>(LENGTH, message)?.bytes === bytes;
  return (cell) => {
    const { rowid, values } = cell;
    const place = places.get(`${values[MESSAGE]} ${values[AGENT]}`);
    if (place === rowid) return cell;
    const pair = pairs.get(rowid);
    // Its number is the wrong one: the index knows where it was.
    if (pair === undefined) return place === undefined ? cell : { ...cell, rowid: place };
    const bytes = values[BYTES];
    const isOthers = place !== undefined || (fits(pair.message, bytes) && !fits(values[MESSAGE], bytes));
    if (!isOthers) return cell;
    return { ...cell, values: values.with(MESSAGE, pair.message).with(AGENT, pair.agent) };
  };
}
