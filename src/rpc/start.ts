/**
 * Starting a daemon: one client of those that race does it, under a lock the kernel takes back if it
 * dies, and the others wait for the socket (measured). The daemon says on its stdout,
 * in one line, that it is ready or why it is not.
 */
import { closeSync } from 'node:fs';
import { Failure, type FailureBody } from '../protocol/failures.ts';
import { pause } from '../system/clock.ts';
import { daemonVariables, selfCommand } from '../system/environment.ts';
import { isOutOfFiles, openToAppend, writeFault } from '../system/files.ts';
import { tryLock, waitForLock } from '../system/lock.ts';
import type { Paths } from '../system/paths.ts';
import { checkContents } from '../system/contents.ts';
import { prepareHome } from '../system/home.ts';
import { dial } from './dial.ts';
import { type EnsureParts, LOGS, unavailable } from './ensure.ts';

/** The daemon's first line. */
export type StartReport =
  | { readonly ready: true; readonly pid: number; readonly version: string; readonly socket: string }
  | { readonly failure: FailureBody };

/**
 * Returns when a daemon listens, or when another one that does not yet stands in the way. `killed`: the one
 * that was started was killed before it could say anything. `busy`: another one has the home.
 */
export async function startDaemon(parts: EnsureParts, until: number): Promise<'busy' | 'killed' | undefined> {
  prepareHome(parts.paths, parts.environment);
  checkContents(parts.paths, parts.environment);
  const listening = (): Promise<boolean> => isListening(parts.paths.socket);
  using lock = await waitForLock(parts.paths.startLock, {
    milliseconds: until - performance.now(),
    isPointless: listening,
  });
  if (await listening()) return undefined;
  // One listened a moment ago, and has ended since: that is looked at anew.
  if (lock === undefined && performance.now() < until) return undefined;
  if (lock === undefined) throw unavailable('another command has been starting it for too long', LOGS);
  const report = await spawn(parts, until);
  if (report === 'killed') return report;
  if ('ready' in report) return undefined;
  // Another daemon has the home and does not listen yet, or no longer: it will, or will be gone.
  if (report.failure.code !== 'busy') throw Failure.from(report.failure);
  await pause(20);
  return 'busy';
}

/** Whether a daemon has this home, whatever its socket says. */
export async function hasDaemon(paths: Paths): Promise<boolean> {
  using lock = await tryLock(paths.daemonLock);
  return lock === undefined;
}

export async function isListening(path: string): Promise<boolean> {
  try {
    await dial(path, (connection) => {
      connection.end();
      return { data: () => undefined, closed: () => undefined };
    });
    return true;
  } catch {
    return false;
  }
}

async function spawn(parts: EnsureParts, until: number): Promise<StartReport | 'killed'> {
  const { paths, environment } = parts;
  // What the runtime itself says when it dies goes where the daemon's own words go.
  const log = openToAppend(paths.log);
  try {
    const child = Bun.spawn([...(parts.command ?? selfCommand()), 'daemon', 'run'], {
      cwd: paths.home,
      env: daemonVariables(environment, paths.home),
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: log,
      // Its own session: it survives its starter, and the starter's terminal and Ctrl-C.
      detached: true,
    });
    const line = await firstLine(child.stdout, until - performance.now());
    if (line !== undefined) {
      child.unref();
      return parseReport(line);
    }
    const exit = await Promise.race([child.exited, pause(100)]);
    child.unref();
    if (child.signalCode !== null) return 'killed';
    throw unavailable(
      exit === undefined ? 'it started and did not become ready' : `it ended at once with status ${exit}`,
      LOGS,
    );
  } catch (error) {
    throw isOutOfFiles(error) ? writeFault(paths.log, error) : error;
  } finally {
    closeSync(log);
  }
}

export async function firstLine(
  stream: ReadableStream<Uint8Array>,
  milliseconds: number,
): Promise<string | undefined> {
  const reader = stream.getReader();
  const timer = setTimeout(() => void reader.cancel(), Math.max(1, milliseconds));
  const utf8 = new TextDecoder();
  let text = '';
  try {
    while (!text.includes('\n')) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += utf8.decode(value, { stream: true });
    }
    return text.slice(0, text.indexOf('\n'));
  } finally {
    clearTimeout(timer);
    void reader.cancel();
  }
}

function parseReport(line: string): StartReport {
  try {
    const report: unknown = JSON.parse(line);
    if (typeof report === 'object' && report !== null && ('ready' in report || 'failure' in report)) {
      return report as StartReport;
    }
  } catch {
    // Not ours: said below.
  }
  throw unavailable(`it said ${JSON.stringify(line.slice(0, 200))} where its report should stand`);
}
