/**
 * The embedded engine: SQLite behind the port `Store` of the core, one family of methods a file. It
 * knows the protocol's words and the core's port; no socket, no clock, no policy: all times and limits
 * come in with the call. Whether something should be done is decided by the core; here it is done
 * whole or not at all.
 *
 * engine/ the file and its transactions · agents/ names, sessions, topics · send/ a posting becomes a
 * message with deliveries · mailbox/ what happens to a delivery afterwards · past/ reading back and
 * searching · upkeep/ what time brings, and checks. Blobs are files beside the database: blobs.ts.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import type { Store } from '../core/ports.ts';
import { Failure } from '../protocol/failures.ts';
import { enterMethods } from './agents/enter-claim.ts';
import { LiveSessions } from './agents/live-sessions.ts';
import { profileMethods } from './agents/profiles.ts';
import { removeMethods } from './agents/remove.ts';
import { renameMethods } from './agents/rename.ts';
import { sessionMethods } from './agents/sessions.ts';
import { topicMethods } from './agents/topics.ts';
import { openCommitter } from './engine/commit.ts';
import { openSql, type Sql } from './engine/connection.ts';
import { saveSeen, type Engine } from './engine/context.ts';
import { storeFault } from './engine/faults.ts';
import { migrate } from './engine/migrate.ts';
import { openSequence } from './engine/sequence.ts';
import { arrivalMethods } from './mailbox/arrivals.ts';
import { cancelMethods } from './mailbox/cancel-clear.ts';
import { confirmMethods } from './mailbox/confirm-ack.ts';
import { fetchMethods } from './mailbox/fetch.ts';
import { Filing } from './mailbox/filing.ts';
import { holdMethods } from './mailbox/hold-release.ts';
import { remindMethods } from './mailbox/remind.ts';
import { historyMethods } from './past/history.ts';
import { importMethods } from './send/import.ts';
import { sendMethods } from './send/send.ts';
import { Retention } from './upkeep/retention.ts';
import { sweepMethods } from './upkeep/sweep.ts';
import { verifyMethods } from './upkeep/verify-backup.ts';

export interface StoreOptions {
  /** File of the database, or `:memory:`. */
  readonly path: string;
  /** Throws when another process may have taken the store over; asked within every transaction. */
  readonly fence?: () => void;
}

/** Opens or makes the store. Throws `store_newer`, `store_damaged`, `busy`, `disk_full` or `cannot_create`. */
export async function openStore({ path, fence }: StoreOptions): Promise<Store> {
  const sql = openDatabase(path);
  const sequence = openSequence(sql);
  const filing = new Filing(sql, sequence);
  const beforeCommit = (): void => {
    filing.settle();
    sequence.save();
  };
  const isSame = sameFile(path);
  const inspect = (): void => {
    isSame();
    fence?.();
  };
  const commits = openCommitter(sql, { inspect, beforeCommit });
  const engine: Engine = { sql, commits, sequence, filing, presence: new LiveSessions() };
  return {
    ...enterMethods(engine),
    ...renameMethods(engine),
    ...profileMethods(engine),
    ...remindMethods(engine),
    ...removeMethods(engine),
    ...sessionMethods(engine),
    ...topicMethods(engine),
    ...holdMethods(engine),
    ...sendMethods(engine),
    ...importMethods(engine),
    ...fetchMethods(engine),
    ...confirmMethods(engine),
    ...cancelMethods(engine),
    ...arrivalMethods(engine),
    ...historyMethods(engine),
    ...sweepMethods(engine, new Retention()),
    ...verifyMethods(engine, path),
    close: async () => {
      const saved = commits.write(() => {
        saveSeen(engine);
        filing.file();
      });
      commits.flush();
      await saved.finally(() => sql.close());
    },
  };
}

function openDatabase(path: string): Sql {
  try {
    if (path !== ':memory:') makePrivate(path);
    const sql = openSql(path);
    try {
      migrate(sql);
      // Whoever writes here still, and has lost the home, ends what it is at before anything is read; its
      // next transaction is refused by its own fence.
      sql.script('BEGIN IMMEDIATE; COMMIT');
      return sql;
    } catch (error) {
      sql.close();
      throw error;
    }
  } catch (error) {
    throw storeFault(error);
  }
}

/** Before the engine opens it: the files it makes beside the database take over its mode. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  } catch (error) {
    throw new Failure('cannot_create', `wanted to write ${path}, found: ${String(error)}`, { cause: error });
  }
}

/**
 * A file that was deleted or replaced while open goes on taking commits that nobody will ever read;
 * whoever is answered "sent" must be able to rely on it.
 */
function sameFile(path: string): () => void {
  if (path === ':memory:') return () => {};
  const inode = statSync(path).ino;
  return () => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.ino === inode) return;
    throw new Failure(
      'store_damaged',
      `${path} was ${found === undefined ? 'deleted' : 'replaced'} while in use`,
      {
        hint: 'ipc daemon restart',
      },
    );
  };
}
