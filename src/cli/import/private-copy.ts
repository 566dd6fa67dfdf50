/**
 * The file of another system, read from a copy of our own: a file that is in use, locked, in WAL mode or
 * left behind in the middle of a write is opened by nobody but its owner, and nothing of it changes. What
 * lies beside it (a log, a journal) comes along, so that SQLite finds what it would find there.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import { pause } from '../../system/clock.ts';
import { errorCode, makeFolder, shellWord, writeFault } from '../../system/files.ts';
import { randomUuid } from '../../system/ids.ts';

export interface PrivateCopy extends Disposable {
  readonly path: string;
  /** The file itself, when a link led to it. */
  readonly original: string;
  readonly bytes: number;
}

const BESIDE = ['', '-wal', '-journal'] as const;
/** The system's clock of files moves in steps; what was written so lately may be under way. */
const QUIET_MS = 50;
const PATIENCE_MS = 5_000;
const MAGIC = 'SQLite format 3\0';

/** Throws `no_such_file`, `invalid_data`, `busy`, `disk_full`, `cannot_create`. */
export async function privateCopy(
  file: string,
  { staging, now }: { staging: string; now: () => number },
): Promise<PrivateCopy> {
  const original = realFile(file);
  checkMagic(file, original);
  // In the staging folder, which the daemon tidies: a command that is killed leaves nothing for long.
  const folder = `${staging}/${randomUuid()}`;
  makeFolder(staging);
  makeFolder(folder);
  const path = `${folder}/foreign.db`;
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const before = facts(original);
      const settled = before.every(({ at }) => at + QUIET_MS <= now() || at > now() + QUIET_MS);
      if (settled) {
        copyAll(original, path);
        if (JSON.stringify(facts(original)) === JSON.stringify(before)) break;
      }
      if (performance.now() > deadline)
        throw new Failure('busy', `wanted ${file} at rest for a moment; it is written to all the time`, {
          hint: `ipc import ${shellWord(file)}`,
        });
      await pause(QUIET_MS);
    }
    return { path, original, bytes: statSync(path).size, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error instanceof Failure ? error : writeFault(path, error);
  }
}

function realFile(file: string): string {
  try {
    const original = realpathSync(file);
    const found = statSync(original);
    if (!found.isFile())
      throw unreadable(file, found.isDirectory() ? 'it is a folder' : 'it is no plain file');
    accessSync(original, constants.R_OK);
    return original;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = errorCode(error);
    throw unreadable(file, code === 'ENOENT' ? 'there is none' : String(error));
  }
}

function checkMagic(file: string, original: string): void {
  const head = Buffer.alloc(MAGIC.length);
  const handle = openSync(original, 'r');
  try {
    if (readSync(handle, head) === MAGIC.length && head.toString('latin1') === MAGIC) return;
  } finally {
    closeSync(handle);
  }
  throw new Failure('invalid_data', `wanted a file of SQLite, found something else in ${file}`, {
    hint: 'ipc help import',
  });
}

interface Facts {
  readonly at: number;
  readonly facts: string;
}

function facts(original: string): readonly Facts[] {
  return BESIDE.map((suffix) => {
    const found = statSync(original + suffix, { throwIfNoEntry: false, bigint: true });
    if (found === undefined) return { at: 0, facts: '' };
    return {
      at: Number(found.mtimeMs),
      facts: `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`,
    };
  });
}

function copyAll(original: string, path: string): void {
  for (const suffix of BESIDE) {
    rmSync(path + suffix, { force: true });
    try {
      copyFileSync(original + suffix, path + suffix, constants.COPYFILE_FICLONE);
      chmodSync(path + suffix, 0o600);
    } catch (error) {
      // A journal goes with the end of its transaction; what changed is copied again.
      if (suffix === '' || errorCode(error) !== 'ENOENT') throw error;
    }
  }
}

function unreadable(file: string, found: string): Failure {
  return new Failure('no_such_file', `wanted to read ${file}; ${found}`, {
    hint: `ls -l ${shellWord(file)}`,
  });
}
