/**
 * A look at the store, and its repair, by a process of its own: the daemon's program, since nobody else knows
 * the store, but not the daemon, which goes on serving during the one and must not run during the other.
 */
import { setPriority } from 'node:os';
import { asFailure, Failure } from '../protocol/failures.ts';
import { isName } from '../protocol/names.ts';
import type { CareReport, RepairReport } from '../protocol/repair.ts';
import { storeFault } from '../store/engine/faults.ts';
import { examineStore } from '../store/salvage/examine.ts';
import { repairStore } from '../store/salvage/repair.ts';
import { systemClock } from '../system/clock.ts';
import { readEnvironment } from '../system/environment.ts';
import { prepareHome } from '../system/home.ts';
import { sha256, systemIds } from '../system/ids.ts';
import { readKey } from '../system/keys.ts';
import { waitForLock } from '../system/lock.ts';
import { openLog } from '../system/log.ts';
import { writeOut } from '../system/output.ts';
import { resolvePaths, type Paths } from '../system/paths.ts';
import { defaultConfig } from '../system/config.ts';

export type Care = 'check' | 'check-pages' | 'repair';

/** Says on stdout, in one line, what it found or did. */
export async function runCare(care: Care): Promise<number> {
  try {
    process.umask(0o077);
    const environment = readEnvironment();
    const paths = resolvePaths(environment);
    prepareHome(paths, environment);
    if (care === 'repair') return say({ repair: await repair(paths) }, 0);
    stepBack();
    const depth = care === 'check' ? 'full' : 'quick';
    const { problems, missingBlobs } = await examineStore({ ...paths, depth });
    return say({ findings: { problems, missingBlobs } }, 0);
  } catch (error) {
    const failure = asFailure(storeFault(error));
    return say({ failure: failure.body() }, failure.exit);
  }
}

function say(report: CareReport, code: number): number {
  writeOut(`${JSON.stringify(report)}\n`);
  return code;
}

/** A look at everything must not take the machine from those who work. */
function stepBack(): void {
  try {
    setPriority(19);
  } catch {
    // Where the system will not have it, it is only slower for others.
  }
}

/** A daemon that was asked to end has this long to leave the home. */
const LOCK_MS = 20_000;

async function repair(paths: Paths): Promise<RepairReport> {
  using lock = await waitForLock(paths.daemonLock, { milliseconds: LOCK_MS });
  if (lock === undefined) {
    throw new Failure('busy', `wanted the home ${paths.home} for a repair; a daemon has it`, {
      hint: 'ipc daemon stop',
    });
  }
  const clock = systemClock();
  const begun = clock.now();
  const log = openLog(
    paths.log,
    { maxBytes: defaultConfig['log.maxBytes'], files: defaultConfig['log.files'] },
    clock.now,
  );
  try {
    log.write('repair', { store: paths.database });
    const report = await repairStore({
      database: paths.database,
      blobs: paths.blobs,
      stamp: new Date(begun).toISOString().replaceAll(/[:.]/g, ''),
      now: begun,
      idOf: systemIds.derived,
      keyOf: (name) => keyHash(paths, name),
    });
    const { saved, lost } = report;
    log.write('repaired', {
      done: report.done,
      ...saved,
      lost: lost.messages,
      unread: lost.unread,
      numbers: lost.numbers,
    });
    return { ...report, seconds: Math.round((clock.now() - begun) / 100) / 10 };
  } catch (error) {
    log.write('failed', { operation: 'repair', error });
    throw error;
  } finally {
    log.close();
  }
}

function keyHash(paths: Paths, name: string): Uint8Array | null {
  const key = isName(name) ? readKey(paths, name) : undefined;
  return key === undefined ? null : sha256(key);
}
