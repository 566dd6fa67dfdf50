/** attach, heartbeat, detach: sessions come, stay and go. */
import type { Store } from '../../core/ports.ts';
import type { Engine } from '../engine/context.ts';
import { giveBack } from '../mailbox/fetch.ts';

const LEASED = 'SELECT 1 FROM lease WHERE reader = ?1 LIMIT 1';

export function sessionMethods(engine: Engine): Pick<Store, 'attach' | 'detach' | 'heartbeat'> {
  const { sql, presence, commits } = engine;
  const release = async (reader: string): Promise<void> => {
    if (sql.get(LEASED, reader) !== null) await commits.write(() => giveBack(engine, reader));
  };
  return {
    attach: async (session, until) => presence.attach(session, until),
    detach: async ({ session, now }) => {
      presence.detach(session, now);
      await release(session);
    },
    heartbeat: async ({ sessions, until, now }) => {
      for (const session of sessions) presence.keep(session, until);
      await Promise.all(presence.expire(now).map(release));
    },
  };
}
