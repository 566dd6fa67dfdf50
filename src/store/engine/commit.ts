/**
 * Group commit: everything written in one turn of the event loop is one transaction, and each caller
 * is answered after it. One sync for many sends is six times the throughput at 64 clients (design §3.2).
 */
import type { Failure } from '../../protocol/failures.ts';
import type { Sql } from './connection.ts';
import { isFull, isLastingFault, isStoreFault, storeFault } from './faults.ts';

export interface Committer {
  /**
   * Runs the step in this turn's transaction; resolves once that is durable. A step that throws undoes
   * itself only; when one does, the others may be run twice.
   */
  write<T>(step: () => T): Promise<T>;
  /**
   * As `write`, for what need not survive a power failure: it resolves once a killed daemon would not
   * lose it, and is synced with the next step that is.
   */
  writeUnsynced<T>(step: () => T): Promise<T>;
  /** Does now what is waiting for the turn. */
  flush(): void;
  /** Takes nothing from now on. */
  refuse(why: Failure): void;
}

interface Step {
  readonly synced: boolean;
  run(): void;
  settle(): void;
  fail(error: unknown): void;
}

export interface CommitHooks {
  /** Looks whether the file is still ours to write; throws when it is not. Within the transaction. */
  readonly inspect: () => void;
  /** Last writes of every turn. */
  readonly beforeCommit: () => void;
  /** What a synced commit wrote will survive; its callers were answered. */
  readonly committed?: () => void;
  /** A turn, or a step of it, was rolled back. */
  readonly undone?: () => void;
  /** The disk failed to sync: nothing is committed here any more. */
  readonly syncFailed?: () => void;
  /** The disk is full; true: some room was made, and the turn is tried once more. */
  readonly makeRoom?: () => boolean;
}

/**
 * Every 2,000 pages, not 1,000: with a million messages stored a checkpoint writes pages from all over the file,
 * and the send that triggers it waits.
 */
const CHECKPOINT_PAGES = 2_000;

/** Turns of the event loop, some microseconds each, that a commit waits for others at most. */
const MAX_GATHER_TURNS = 40;

/**
 * Callers that were answered together come back one after the other: a sync for the first few would
 * make the rest wait for it, so a commit waits a moment for as many as the last one had. Whoever writes
 * alone never waits.
 */
export function openCommitter(sql: Sql, hooks: CommitHooks): Committer {
  let waiting: Step[] = [];
  // Steps in the last transaction; the next one waits until so many have queued, at most
  // MAX_GATHER_TURNS turns of the event loop.
  let expected = 0;
  let broken: Error | undefined;
  sql.run('PRAGMA wal_autocheckpoint = 0');

  /** By hand: the engine's own keep to themselves that a sync failed, and what it should have written is lost. */
  const checkpoint = (): void => {
    const { log } = sql.get<{ log: number }>('PRAGMA wal_checkpoint(NOOP)') ?? { log: 0 };
    if (log < CHECKPOINT_PAGES) return;
    try {
      sql.all('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      // Any other fault leaves the log longer, and the next commit tries again.
      syncMayHaveFailed(error);
    }
  };

  const syncMayHaveFailed = (error: unknown): void => {
    const fault = storeFault(error);
    if (!isLastingFault(error) || !(fault instanceof Error)) return;
    broken = fault;
    hooks.syncFailed?.();
  };

  const gather = (turns: number): void => {
    if (waiting.length >= expected || turns === MAX_GATHER_TURNS) return flush();
    setImmediate(gather, turns + 1);
  };

  const flush = (): void => {
    const steps = waiting;
    waiting = [];
    if (steps.length === 0) return;
    expected = steps.length;
    try {
      if (broken !== undefined) throw broken;
      commitWithRoom(sql, hooks, steps);
    } catch (error) {
      // A full disk has rolled back by itself already.
      if (sql.inTransaction) sql.run('ROLLBACK');
      hooks.undone?.();
      syncMayHaveFailed(error);
      const fault = storeFault(error);
      for (const step of steps) step.fail(fault);
      return;
    }
    for (const step of steps) step.settle();
    if (steps.some((step) => step.synced)) hooks.committed?.();
    checkpoint();
  };

  const queue = <T>(run: () => T, how: { synced: boolean }): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ ...stepOf(run, resolve, reject), ...how });
      if (waiting.length === 1) setImmediate(gather, 0);
    });
  return {
    write: (run) => queue(run, { synced: true }),
    writeUnsynced: (run) => queue(run, { synced: false }),
    flush,
    refuse: (why) => {
      broken ??= why;
    },
  };
}

function commitWithRoom(sql: Sql, hooks: CommitHooks, steps: readonly Step[]): void {
  try {
    commit(sql, hooks, steps);
  } catch (error) {
    if (!isFull(error) || hooks.makeRoom?.() !== true) throw error;
    if (sql.inTransaction) sql.run('ROLLBACK');
    hooks.undone?.();
    commit(sql, hooks, steps);
  }
}

/**
 * A savepoint copies every page the step touches: a third of what a send costs. A step that throws is
 * a fault and rare, so the turn is first tried without, and done again with them when one does.
 */
function commit(sql: Sql, hooks: CommitHooks, steps: readonly Step[]): void {
  const synced = steps.some((step) => step.synced);
  if (!synced) sql.run('PRAGMA synchronous = NORMAL');
  try {
    transact(sql, hooks, steps, runPlain);
  } catch (error) {
    if (steps.length === 1 || isStoreFault(error)) throw error;
    if (sql.inTransaction) sql.run('ROLLBACK');
    transact(sql, hooks, steps, runGuarded);
    hooks.undone?.();
  } finally {
    // The engine takes no change of this inside a transaction: one that failed is ended first.
    if (!synced) {
      if (sql.inTransaction) sql.run('ROLLBACK');
      sql.run('PRAGMA synchronous = FULL');
    }
  }
}

function transact(
  sql: Sql,
  hooks: CommitHooks,
  steps: readonly Step[],
  how: (sql: Sql, step: Step) => void,
): void {
  sql.run('BEGIN IMMEDIATE');
  hooks.inspect();
  for (const step of steps) how(sql, step);
  hooks.beforeCommit();
  sql.run('COMMIT');
}

function runPlain(_: Sql, step: Step): void {
  step.run();
}

function stepOf<T>(
  run: () => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Omit<Step, 'synced'> {
  let settle = (): void => {};
  return {
    run: () => {
      const value = run();
      settle = () => resolve(value);
    },
    settle: () => settle(),
    // A promise settles once: a step that was rejected with its own error keeps that.
    fail: reject,
  };
}

function runGuarded(sql: Sql, step: Step): void {
  sql.run('SAVEPOINT step');
  try {
    step.run();
  } catch (error) {
    if (isStoreFault(error) || !sql.inTransaction) throw error;
    sql.run('ROLLBACK TO step');
    step.fail(error);
  }
  sql.run('RELEASE step');
}
