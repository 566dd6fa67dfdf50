/**
 * Whether the files that are open are still those at their paths. A deleted database raises no error, commits
 * go on into an unlinked file; one cut to nothing turns into an empty mailbox (measured). So what is at the
 * paths is compared with what was opened, before each commit and each answer.
 */
import { lstatSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';

export type FileFault = 'deleted' | 'replaced' | 'truncated';

export interface FileWatch {
  /** The store's own failure for the first fault found; undefined: all is as it was. */
  readonly broken: () => Failure | undefined;
  /** What became of the database file itself. */
  readonly database: () => FileFault | undefined;
}

export const noFiles: FileWatch = { broken: () => undefined, database: () => undefined };

/** Above it the engine cuts the log when it begins anew; below it neither file ever shrinks. */
export const LOG_LIMIT_BYTES = 67_108_864;

/** While the store is open and its log has been written to: neither file changes its inode then. */
export function watchFiles(database: string): FileWatch {
  const own = watchFile(database, Infinity);
  const log = watchFile(`${database}-wal`, LOG_LIMIT_BYTES);
  return {
    broken: () => faultOf(own, database) ?? faultOf(log, `${database}-wal`),
    database: () => own(),
  };
}

function faultOf(look: () => FileFault | undefined, path: string): Failure | undefined {
  const fault = look();
  if (fault === undefined) return undefined;
  const hint = fault === 'deleted' ? 'ipc daemon restart' : 'ipc doctor --repair';
  return new Failure('store_damaged', `${path} was ${fault} while in use`, { hint });
}

function watchFile(path: string, limit: number): () => FileFault | undefined {
  const opened = lstatSync(path);
  let size = opened.size;
  return () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'deleted';
    if (found.ino !== opened.ino || found.dev !== opened.dev) return 'replaced';
    if (found.size < Math.min(size, limit)) return 'truncated';
    size = found.size;
    return undefined;
  };
}
