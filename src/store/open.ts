/**
 * The embedded engine: SQLite behind the port `Store` of the core, one family of methods a file. It
 * knows the protocol's words and the core's port; no socket, no clock, no policy. All times come in
 * with the call; what is not decided here is whether something should be done, only that it is done
 * whole or not at all.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import type { Store } from '../core/ports.ts';
import { Failure } from '../protocol/failures.ts';
import { arrivalMethods } from './arrivals.ts';
import { checkingMethods } from './checking.ts';
import { openCommitter } from './commit.ts';
import { confirmingMethods } from './confirming.ts';
import { openCursors } from './cursors.ts';
import { saveSeen, type Engine } from './engine.ts';
import { Filing } from './filing.ts';
import { enteringMethods } from './entering.ts';
import { storeFault } from './faults.ts';
import { fetchingMethods } from './fetching.ts';
import { holdingMethods } from './holding.ts';
import { migrate } from './migrate.ts';
import { pastMethods } from './past.ts';
import { Presence } from './presence.ts';
import { profileMethods } from './profiles.ts';
import { remindingMethods } from './reminding.ts';
import { removingMethods } from './removing.ts';
import { renamingMethods } from './renaming.ts';
import { Retention } from './retention.ts';
import { sendingMethods } from './sending.ts';
import { sessionMethods } from './sessions.ts';
import { openSql, type Sql } from './sql.ts';
import { topicMethods } from './topics.ts';
import { upkeepMethods } from './upkeep.ts';
import { withdrawingMethods } from './withdrawing.ts';

export interface StoreOptions {
  /** File of the database, or `:memory:`. */
  readonly path: string;
}

/** Opens or makes the store. Throws `store_newer`, `store_damaged`, `busy`, `disk_full` or `cannot_create`. */
export async function openStore({ path }: StoreOptions): Promise<Store> {
  const sql = openDatabase(path);
  const cursors = openCursors(sql);
  const filing = new Filing(sql);
  const beforeCommit = (): void => {
    filing.settle(cursors.newest);
    cursors.save();
  };
  const commits = openCommitter(sql, { inspect: sameFile(path), beforeCommit });
  const engine: Engine = { sql, commits, cursors, filing, presence: new Presence() };
  return {
    ...enteringMethods(engine),
    ...renamingMethods(engine),
    ...profileMethods(engine),
    ...remindingMethods(engine),
    ...removingMethods(engine),
    ...sessionMethods(engine),
    ...topicMethods(engine),
    ...holdingMethods(engine),
    ...sendingMethods(engine),
    ...fetchingMethods(engine),
    ...confirmingMethods(engine),
    ...withdrawingMethods(engine),
    ...arrivalMethods(engine),
    ...pastMethods(engine),
    ...upkeepMethods(engine, new Retention()),
    ...checkingMethods(engine, path),
    close: async () => {
      const saved = commits.write(() => {
        saveSeen(engine);
        filing.file(cursors.newest);
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
 * A file that was deleted or replaced while open goes on taking commits that nobody will ever read
 * (engines-and-faults §4.2); whoever is answered "sent" must be able to rely on it.
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
