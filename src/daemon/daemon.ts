/**
 * `daemon/` puts the long-lived process together: a safe home, the one lock on it, the store, the
 * broker, the socket; and takes it apart again in the opposite order. It decides nothing about
 * messages, takes no HTTP, runs no model and no kernel code: a crash elsewhere cannot take it down.
 */
import { Broker } from '../core/broker.ts';
import { LocalWake } from '../core/wake.ts';
import type { Policy } from '../core/policy.ts';
import { asFailure, Failure } from '../protocol/failures.ts';
import { PROTOCOL } from '../protocol/wire.ts';
import { isNotBegun } from '../rpc/faults.ts';
import { startServer, type Server } from '../rpc/server.ts';
import { isListening, type StartReport } from '../rpc/start.ts';
import { openBlobs } from '../store/blobs.ts';
import { recheck } from '../store/engine/opening.ts';
import { openStore } from '../store/open.ts';
import { systemClock, type SystemClock } from '../system/clock.ts';
import { type Config, defaultConfig, readConfig } from '../system/config.ts';
import { readEnvironment, type Environment } from '../system/environment.ts';
import { systemIds } from '../system/ids.ts';
import { pruneBindings } from '../system/keys.ts';
import { type Lock, waitForLock } from '../system/lock.ts';
import { type LogFile, openLog } from '../system/log.ts';
import { isTerminal, writeError, writeOut } from '../system/output.ts';
import { isPipe, type Paths, resolvePaths } from '../system/paths.ts';
import { checkContents } from '../system/contents.ts';
import { prepareHome } from '../system/home.ts';
import { systemProcesses } from '../system/processes.ts';
import { sessionSecret } from '../system/secret.ts';
import { version } from '../system/version.ts';
import { descriptors } from './descriptors.ts';
import { openExaminer } from './examiner.ts';
import { ANOTHER, holdHome } from './hold-home.ts';
import { Janitor } from './janitor.ts';
import { policyOf } from './policy.ts';
import { watchRoom } from './room.ts';
import { watchStore, watchUpkeep } from './self-check.ts';

/** A predecessor that is finishing has this long to leave the lock. */
const LOCK_MS = 5_000;
/** Calls under way have this long; one that waits for mail is made again at the successor. */
const DRAIN_MS = 250;

interface World {
  readonly environment: Environment;
  readonly paths: Paths;
  readonly clock: SystemClock;
  readonly log: LogFile;
  readonly startedAt: number;
  config: Config;
  policy: Policy;
}

interface Ending {
  readonly reason: string;
  readonly code: number;
}

/** Runs until it is asked to stop; the first line on stdout says whether it is ready (design §4). */
export async function runDaemon(environment: Environment = readEnvironment()): Promise<number> {
  try {
    // What it makes is its user's alone, from birth.
    process.umask(0o077);
    const paths = resolvePaths(environment);
    prepareHome(paths, environment);
    checkContents(paths, environment);
    const clock = systemClock();
    using lock = await takeHome(paths);
    const log = openLog(paths.log, logLimits(defaultConfig), clock.now);
    try {
      const config = readConfig(paths, environment);
      log.limit(logLimits(config));
      return await serve(
        { environment, paths, clock, log, startedAt: clock.now(), config, policy: policyOf(config) },
        lock,
      );
    } catch (error) {
      log.write('failed', { error });
      throw error;
    } finally {
      log.close();
    }
  } catch (error) {
    const failure = asFailure(error);
    const isRead = report({ failure: failure.body() });
    // The report is for a program that starts it; a person, or a starter that left, has stderr.
    if (!isRead || isTerminal(1)) writeError(`ipc: ${failure.message}\n  ${failure.hint}\n`);
    return failure.exit;
  }
}

async function takeHome(paths: Paths): Promise<Lock> {
  const lock = await waitForLock(paths.daemonLock, {
    milliseconds: LOCK_MS,
    isPointless: () => isListening(paths.socket),
  });
  const isHeard = await isListening(paths.socket);
  if (lock !== undefined && !isHeard) return lock;
  lock?.[Symbol.dispose]();
  // A socket that is listened on has the home, even if the file of its daemon's lock was deleted: that one takes it
  // again by itself. A pipe's name is everybody's: who serves it without the lock, which nobody can delete on Windows
  // while it is held, is a stranger, and two servers of one name would share its clients.
  if (lock !== undefined && isPipe(paths.socket))
    throw new Failure('daemon_foreign', `wanted to listen on ${paths.socket}; another program does already`);
  throw new Failure('busy', `wanted the home ${paths.home} for this daemon; another one has it`);
}

async function serve(world: World, lock: Lock): Promise<number> {
  const { environment, paths, clock, log } = world;
  const ending = Promise.withResolvers<Ending>();
  const stop = (reason: string, code = 0): void => ending.resolve({ reason, code });

  const complain =
    (operation: string) =>
    (error: unknown): void => {
      // The store is another daemon's: that this one ends for it is said already.
      if (!isNotBegun(error)) log.write('error', { operation, error });
    };

  const hold = holdHome(lock, () => log.write('lock replaced', { path: lock.path }));
  const examiner = openExaminer({
    paths,
    environment,
    log: log.write,
    damaged: (why) => {
      log.write('store damaged', { error: why });
      store.distrust(why);
    },
  });
  const open = descriptors(world.config.maxConnections);
  let syncFailed = false;
  const room = watchRoom(paths, clock);
  const store = await openStore({
    path: paths.database,
    taken: () => stop(ANOTHER, 1),
    damaged: (why) => {
      log.write('damage', { why: why.message });
      examiner.look('an operation met damage');
    },
    rescued: (file) => log.write('rescued what the store still held', { file }),
    syncFailed: () => {
      syncFailed = true;
      stop('the disk failed to sync', 1);
    },
    makeRoom: room.giveUp,
  });
  const blobs = openBlobs({ directory: paths.blobs });
  const storeWatch = watchStore(store.broken, clock);
  const broker = new Broker({
    store,
    blobs,
    wake: new LocalWake(),
    clock,
    ids: systemIds,
    processes: systemProcesses,
    policy: () => world.policy,
    room: room.short,
    due: (at) => janitor.due(at),
    control: {
      status: () => status(world, server),
      stop,
      reload: async () => reload(world),
      examine: examiner.examine,
    },
  });
  let looked = false;
  const janitor = new Janitor({
    clock,
    tend: () => broker.tend(),
    tidy: async () => {
      await blobs.sweep(clock.now());
      pruneBindings(paths, systemProcesses.alive);
      // What was closed in order, or is small and was looked at on opening, has an hour.
      if (looked || store.unchecked) examiner.look(looked ? 'every hour' : 'it was not closed');
      looked = true;
    },
    failed: complain('tend'),
  });
  const server = startServer({
    path: paths.socket,
    uid: environment.uid,
    get maxConnections() {
      return open.connections;
    },
    version,
    pid: environment.pid,
    secret: () => sessionSecret(paths, environment),
    open: (opening) => broker.open(opening),
    after: clock.after,
    turn: clock.turn,
    log: log.write,
    broken: storeWatch.broken,
  });
  const stopGuarding = open.guard(server, clock);
  const stopWatching = watchUpkeep({
    clock,
    home: hold,
    store: storeWatch,
    server,
    idleExitMs: () => world.config.idleExit * 1_000,
    dueAt: () => janitor.dueAt,
    repaired: () => log.write('socket replaced', { path: paths.socket }),
    unrepaired: (error) => log.write('error', { operation: 'replace the socket', error }),
    stop,
  });
  const stopListening = onSignals(stop, () => {
    try {
      reload(world);
    } catch (error) {
      // Whoever sent the signal is not there to be told.
      log.write('error', { operation: 'reload', error });
    }
  });
  log.write('ready', { version, pid: environment.pid, socket: paths.socket });
  report({ ready: true, pid: environment.pid, version, socket: paths.socket });

  const { reason, code } = await ending.promise;
  log.write('stopping', { reason, connections: server.connections });
  stopWatching();
  room.stop();
  stopGuarding();
  await server.stop(DRAIN_MS);
  await janitor[Symbol.asyncDispose]();
  examiner[Symbol.dispose]();
  await store.close().catch(complain('close'));
  if (syncFailed) checkAnew(world);
  stopListening();
  log.write('stopped', { after: clock.now() - world.startedAt });
  return code;
}

/** The connection that saw a sync fail is closed; whoever starts the next daemon is told by it what cannot go on. */
function checkAnew({ paths, log }: World): void {
  try {
    log.write('checked', { problems: recheck(paths.database).join('; ') || 'none' });
  } catch (error) {
    log.write('error', { operation: 'check', error });
  }
}

function status(world: World, server: Server) {
  return {
    pid: world.environment.pid,
    version,
    protocol: PROTOCOL.max,
    startedAt: world.startedAt,
    home: world.paths.home,
    socket: world.paths.socket,
    connections: server.connections,
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** Throws `invalid_data` and keeps the old configuration when the new one is wrong. */
function reload(world: World): void {
  world.config = readConfig(world.paths, world.environment);
  world.policy = policyOf(world.config);
  world.log.limit(logLimits(world.config));
  world.log.write('reloaded');
}

function onSignals(stop: (reason: string) => void, again: () => void): () => void {
  const stopNow = (signal: NodeJS.Signals): void => stop(signal);
  process.on('SIGTERM', stopNow).on('SIGINT', stopNow).on('SIGHUP', again);
  return () => void process.off('SIGTERM', stopNow).off('SIGINT', stopNow).off('SIGHUP', again);
}

function logLimits(config: Config): { maxBytes: number; files: number } {
  return { maxBytes: config['log.maxBytes'], files: config['log.files'] };
}

/** False: nobody reads it any more. */
function report(line: StartReport): boolean {
  return writeOut(`${JSON.stringify(line)}\n`);
}
