/** arrivals and frontier: what came in since, for those who follow along. */
import type { Store } from '../../core/ports.ts';
import type { StoredDelivery } from '../../core/records/reading.ts';
import { agentById } from '../agents/rows.ts';
import type { Engine } from '../engine/context.ts';
import { doorsOf, storedMessage } from '../past/message-rows.ts';
import { messagesBySeq } from '../past/messages.ts';
import { chainShown, longestOf, show, type Chain } from './chain-depth.ts';
import { UNREAD_STATE } from './delivery-rows.ts';
import { inOrder } from './filing.ts';

interface Arrival {
  readonly place: number;
  readonly message: number;
  readonly attempts: number;
  readonly recipient: string;
  readonly offered_by: string | null;
}

// Neither while the recipient is paused nor when the message ended unread; what was taken over from another
// system is told to nobody: a year of mail would come through every door at once.
// ?1 after · ?2 now · ?3 limit · ?4 unread only · ?5 agent
const SHOWN = `d.arrived = 1 AND d.imported = 0 AND d.state NOT IN ('expired', 'refused', 'dead', 'cancelled')
  AND (d.expires_at IS NULL OR d.expires_at > ?2 OR NOT d.${UNREAD_STATE})
  AND (a.paused_until IS NULL OR a.paused_until <= ?2) AND (?4 = 0 OR d.${UNREAD_STATE})`;
const COLUMNS = 'd.place, d.message, d.attempts, d.offered_by, a.name AS recipient';
const HERE = `SELECT ${COLUMNS} FROM delivery d JOIN agent a ON a.id = d.agent
  WHERE d.agent = ?5 AND d.filed = 1 AND d.place > ?1 AND ${SHOWN} ORDER BY d.place LIMIT ?3`;
const HERE_FRESH = `SELECT ${COLUMNS} FROM fresh f CROSS JOIN delivery d ON d.place = f.place
  JOIN agent a ON a.id = d.agent
  WHERE f.agent = ?5 AND f.place > ?1 AND d.filed = 0 AND ${SHOWN} ORDER BY d.place LIMIT ?3`;
const EVERYWHERE = `SELECT ${COLUMNS} FROM delivery d CROSS JOIN agent a ON a.id = d.agent
  WHERE d.place > ?1 AND ${SHOWN} ORDER BY d.place LIMIT ?3`;

export function arrivalMethods({ sql, sequence, commits }: Engine): Pick<Store, 'arrivals' | 'frontier'> {
  return {
    arrivals: async ({ agent, after, limit, unreadOnly, by, now }) => {
      if (agent === null)
        return shown(sql.all<Arrival>(EVERYWHERE, after, now, limit, unreadOnly ? 1 : 0)).deliveries;
      const { deliveries, longest } = shown(
        inOrder(
          sql.all<Arrival>(HERE, after, now, limit, unreadOnly ? 1 : 0, agent),
          sql.all<Arrival>(HERE_FRESH, after, now, limit, unreadOnly ? 1 : 0, agent),
          limit,
        ),
      );
      const row = longest === 0 || by === 'person' ? null : agentById(sql, agent);
      if (row !== null && chainShown(row, longest) > row.chain)
        await commits.writeUnsynced(() => show(sql, row, longest));
      return deliveries;
    },
    frontier: async () => sequence.newest,
  };

  function shown(rows: readonly Arrival[]): { deliveries: readonly StoredDelivery[]; longest: Chain } {
    const messages = messagesBySeq(
      sql,
      rows.map(({ message }) => message),
    );
    const deliveries = rows.flatMap((row) => {
      const message = messages.get(row.message);
      if (message === undefined) return [];
      return [
        {
          message: storedMessage(message),
          recipient: row.recipient,
          cursor: row.place,
          attempt: row.attempts,
          offeredBy: doorsOf(row.offered_by),
          imported: false,
        },
      ];
    });
    return { deliveries, longest: longestOf(messages.values()) };
  }
}
