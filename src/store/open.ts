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
import { saveSeen, type Engine } from './engine/context.ts';
import { isLastingFault, storeFault } from './engine/faults.ts';
import { enterFiles, openWithRoom } from './engine/opening.ts';
import { rescue } from './engine/rescue.ts';
import type { Sql } from './engine/connection.ts';
import type { MarkKeeper } from './engine/mark.ts';
import { abandon, isAbandoned, isUnsynced, rewriteLog } from './engine/rewrite-log.ts';
import { openSequence } from './engine/sequence.ts';
import { SteadyTime } from './engine/steady-time.ts';
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
  /** Another process has opened the store: nothing more can be written here. */
  readonly taken?: () => void;
  /** Told of each operation that met damage. */
  readonly damaged?: (why: Failure) => void;
  /** Told where that was saved which a deleted or replaced database still held. */
  readonly rescued?: (file: string) => void;
  /** Called once when the disk failed to sync: the store is to be closed, and opened anew by `recheck`. */
  readonly syncFailed?: () => void;
  /** Called when the disk is full; true: some room was made. */
  readonly makeRoom?: () => boolean;
}

export interface EmbeddedStore extends Store {
  /** The process that had it before did not close it, and it is too large to be looked at on opening. */
  readonly unchecked: boolean;
  /** Why nothing of it may be believed any more: its files are not those that were opened. */
  broken(): Failure | undefined;
  /** Damage was found: nothing more is taken, now or by another daemon, until a repair. */
  distrust(why: Failure): void;
  /** As of the port; says what was saved of files that were deleted or replaced under it. */
  close(): Promise<void>;
}

/** Opens or makes the store. Throws `store_newer`, `store_damaged`, `busy`, `disk_full` or `cannot_create`. */
export async function openStore(options: StoreOptions): Promise<EmbeddedStore> {
  const { path, taken, damaged, rescued, syncFailed, makeRoom } = options;
  const { sql, owner, unchecked } = openWithRoom(path, makeRoom);
  const sequence = openSequence(sql);
  const { files, mark } = enterFiles(sql, path, { sequence, owner });
  const filing = new Filing(sql, sequence);
  const commits = openCommitter(sql, {
    inspect: () => {
      const why = files.broken();
      if (why !== undefined) throw why;
      try {
        owner.check();
      } catch (error) {
        taken?.();
        throw error;
      }
    },
    beforeCommit: () => {
      filing.settle();
      sequence.save();
    },
    undone: sequence.undone,
    committed: mark.committed,
    ...(syncFailed === undefined ? {} : { syncFailed }),
    ...(makeRoom === undefined ? {} : { makeRoom }),
  });
  const engine: Engine = {
    sql,
    commits,
    sequence,
    filing,
    presence: new LiveSessions(),
    time: new SteadyTime(sql),
  };
  const methods = {
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
  };
  return {
    ...inWords(methods, damaged),
    unchecked,
    broken: files.broken,
    distrust: (why) => {
      // Files that are not those that were opened say nothing about the store.
      if (files.broken() !== undefined) return;
      commits.refuse(why);
      mark.distrust(why.message);
    },
    close: async () => {
      const last = commits.write(() => {
        saveSeen(engine);
        filing.file();
        engine.time.keep();
      });
      commits.flush();
      try {
        await last;
        fold(sql, mark);
      } catch (error) {
        if (isUnsynced(error)) settleLog(sql, path);
        const saved = rescue(sql, path, files.database());
        if (saved !== undefined) rescued?.(saved);
        throw error;
      } finally {
        if (!isAbandoned(sql)) {
          sql.close();
          mark.close();
        }
      }
    },
  };
}

/** The log is what closing takes into the database. */
function settleLog(sql: Sql, path: string): void {
  try {
    rewriteLog(sql, path);
  } catch (error) {
    abandon(sql);
    throw error;
  }
}

/** Everything of the log into the database; where a reader keeps it from that, the log stays. */
function fold(sql: Sql, mark: MarkKeeper): void {
  const done = sql.get<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)');
  if (done?.busy === 0) mark.folded();
}

/** The engine's faults in the words of the failures table, whichever method meets them. */
function inWords<Methods extends object>(methods: Methods, damaged: StoreOptions['damaged']): Methods {
  const told = (error: unknown): never => {
    const fault = storeFault(error);
    if (fault instanceof Failure && isDamage(fault)) damaged?.(fault);
    throw fault;
  };
  const wrapped = Object.entries(methods).map(([name, method]) => [
    name,
    (...given: unknown[]) => (method as (...given: unknown[]) => Promise<unknown>)(...given).catch(told),
  ]);
  return Object.fromEntries(wrapped) as Methods;
}

/** What only a repair mends; after a failed sync the store is opened anew and checked without being asked. */
function isDamage({ code, cause }: Failure): boolean {
  return code === 'store_damaged' && !isLastingFault(cause);
}
