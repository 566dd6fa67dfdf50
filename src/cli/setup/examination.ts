/** What the doctor looks at, one finding after the other, so that a broken one hides none behind it. */
import { accessSync, constants, readdirSync, statfsSync, statSync } from 'node:fs';
import { formatBytes } from '../../present/excerpt.ts';
import { asFailure, Failure } from '../../protocol/failures.ts';
import type { StoreFindings } from '../../protocol/repair.ts';
import { isName } from '../../protocol/names.ts';
import { readConfig } from '../../system/config.ts';
import { shellWord, writing } from '../../system/files.ts';
import { readKey } from '../../system/keys.ts';
import { checkHome } from '../../system/home.ts';
import { compareVersions, version } from '../../system/version.ts';
import type { Call } from '../call.ts';
import type { Session } from '../session.ts';

export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly found: string;
  /** The command that helps. */
  readonly run?: string;
}

type Look = () => Promise<Finding> | Finding;

const LOW_DISK_BYTES = 200_000_000;
const BIG_WAL_BYTES = 64 * 1_048_576;

export async function* examine(call: Call): AsyncGenerator<Finding> {
  const { paths, environment } = call.world;
  yield await attempt('home', () => homeFinding(call));
  yield await attempt('configuration', () => {
    readConfig(paths, environment);
    return { state: 'ok', what: 'configuration', found: paths.config };
  });
  yield await attempt('keys', () => keysFinding(call));
  yield await attempt('disk', () => diskFinding(call));
  let session: Session | undefined;
  const daemon = await attempt('daemon', async () => {
    session = await call.open({ agent: 'none' });
    return daemonFinding(session);
  });
  yield daemon;
  if (session === undefined) return;
  const open = session;
  try {
    if (daemon.state === 'fail') {
      // No daemon serves a store it does not trust: what is wrong with it is looked at without one.
      yield await attempt('store', () => unservedStore(call));
      return;
    }
    yield await attempt('store', () => storeFinding(open));
    yield await attempt('write-ahead log', () => walFinding(open));
    yield await attempt('mail', () => mailFinding(open));
  } finally {
    await open[Symbol.asyncDispose]();
  }
}

/** What goes wrong while looking is what was found. */
async function attempt(what: string, look: Look): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Failure)) return { state: 'fail', what, found: String(error) };
    const { message, hint } = asFailure(error);
    return { state: 'fail', what, found: message, ...(hint === 'ipc doctor' ? {} : { run: hint }) };
  }
}

function homeFinding({ world: { paths, environment } }: Call): Finding {
  const { home } = paths;
  if (!checkHome(paths, environment))
    return { state: 'ok', what: 'home', found: `${home} (made with the first command)` };
  const mode = statSync(home).mode & 0o777;
  if (environment.platform !== 'win32' && mode !== 0o700) {
    const found = `${home} has mode ${mode.toString(8)}, wanted 700`;
    return { state: 'warn', what: 'home', found, run: `chmod 700 ${shellWord(home)}` };
  }
  writing(`${home}/ipc.db`, () => accessSync(home, constants.W_OK));
  return { state: 'ok', what: 'home', found: home };
}

function keysFinding({ world: { paths, environment } }: Call): Finding {
  const what = 'keys';
  const names = listOf(paths.keys).filter(isName);
  const open =
    environment.platform === 'win32'
      ? []
      : names.filter((name) => (statSync(`${paths.keys}/${name}`).mode & 0o077) !== 0);
  if (open.length > 0) {
    const files = open.map((name) => shellWord(`${paths.keys}/${name}`)).join(' ');
    return { state: 'fail', what, found: `others can read ${open.join(', ')}`, run: `chmod 600 ${files}` };
  }
  const broken = names.filter((name) => readKey(paths, name) === undefined);
  if (broken.length > 0) return { state: 'warn', what, found: `no key in the files of ${broken.join(', ')}` };
  return { state: 'ok', what, found: `${names.length} held` };
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function diskFinding({ world: { paths } }: Call): Finding {
  const folder = listOf(paths.home).length > 0 ? paths.home : '/';
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const found = `${formatBytes(free)} free`;
  return free < LOW_DISK_BYTES
    ? { state: 'warn', what: 'disk', found, run: `df -h ${shellWord(folder)}` }
    : { state: 'ok', what: 'disk', found };
}

async function daemonFinding(session: Session): Promise<Finding> {
  const facts = await session.operations['daemon.status']({});
  const found = `pid ${facts.pid}, version ${facts.version}, ${formatBytes(facts.memoryBytes)}, ${facts.socket}`;
  if (facts.version === version) return { state: 'ok', what: 'daemon', found };
  const warning = { state: 'warn', what: 'daemon' } as const;
  // A restart by the older binary would put the older daemon before a store the newer one may have changed.
  if (compareVersions(facts.version, version) > 0)
    return {
      ...warning,
      found: `${found}; this is the older ${version}: use the newer ipc`,
      run: 'type -a ipc',
    };
  return { ...warning, found: `${found}; this is ${version}`, run: 'ipc daemon restart' };
}

async function storeFinding({ operations }: Session): Promise<Finding> {
  return findingOf(await operations['store.verify']({}));
}

async function unservedStore(call: Call): Promise<Finding> {
  const { examineFromOutside } = await import('./store-care.ts');
  return findingOf(await examineFromOutside(call));
}

function findingOf({ problems }: Pick<StoreFindings, 'problems'>): Finding {
  const what = 'store';
  if (problems.length === 0) return { state: 'ok', what, found: 'pages, indexes, counters and files agree' };
  return { state: 'fail', what, found: problems.join('; '), run: 'ipc doctor --repair' };
}

async function walFinding({ operations }: Session): Promise<Finding> {
  const { walBytes } = await operations['daemon.status']({});
  const found = formatBytes(walBytes);
  return walBytes > BIG_WAL_BYTES
    ? { state: 'warn', what: 'write-ahead log', found, run: 'ipc daemon restart' }
    : { state: 'ok', what: 'write-ahead log', found };
}

async function mailFinding({ operations }: Session): Promise<Finding> {
  const { waiting, held, dead } = await operations['daemon.status']({});
  const found = `${waiting} waiting, ${held} held, ${dead} dead`;
  if (dead > 0) return { state: 'warn', what: 'mail', found, run: 'ipc history --state dead' };
  if (held > 0) return { state: 'warn', what: 'mail', found, run: 'ipc release' };
  return { state: 'ok', what: 'mail', found };
}
