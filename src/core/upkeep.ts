/** Facts about the daemon and its store, and what may be asked of them. */
import type { Handlers } from '../protocol/operations.ts';
import type { Desk } from './desk.ts';
import { importHandlers } from './importing.ts';
import { instant } from './view.ts';

type Upkeep =
  | 'daemon.reload'
  | 'daemon.status'
  | 'daemon.stop'
  | 'store.backup'
  | 'store.import'
  | 'store.imported'
  | 'store.verify';

export function upkeepHandlers(desk: Desk): Pick<Handlers, Upkeep> {
  const { store, blobs, control, clock } = desk;
  return {
    'daemon.reload': async () => {
      await control.reload();
      return { reloaded: true };
    },
    'daemon.status': async () => {
      const { startedAt, ...status } = control.status();
      return { ...status, startedAt: instant(startedAt), ...(await store.facts()) };
    },
    'daemon.stop': async ({ reason }) => {
      control.stop(reason);
      return { pid: control.status().pid };
    },
    'store.backup': async () => {
      const copy = await store.backup(`ipc-${instant(clock.now()).replaceAll(':', '')}.db`);
      return { path: copy.path, bytes: copy.bytes, blobs: copy.blobs.map((sha256) => blobs.path(sha256)) };
    },
    ...importHandlers(desk),
    'store.verify': async () => {
      const { problems, missingBlobs } = await control.examine();
      const ok = problems.length === 0 && missingBlobs.length === 0;
      return { ok, problems: [...problems], missingBlobs: [...missingBlobs] };
    },
  };
}
