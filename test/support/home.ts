/** A home of a test's own: fresh, private, and gone afterwards with whatever daemon it had. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../src/rpc/client.ts';
import { reach } from '../../src/rpc/ensure.ts';
import { type Environment, readEnvironment } from '../../src/system/environment.ts';
import { type Paths, resolvePaths } from '../../src/system/paths.ts';
import { processFacts } from '../../src/system/processes.ts';
import { until } from './until.ts';

export interface TestHome extends AsyncDisposable {
  readonly path: string;
  readonly paths: Paths;
  readonly environment: Environment;
  /** What a child process gets, and nothing else. */
  readonly variables: Readonly<Record<string, string>>;
}

export async function temporaryHome(more: Readonly<Record<string, string>> = {}): Promise<TestHome> {
  const path = await mkdtemp(join(tmpdir(), 'ipc-test-'));
  await chmod(path, 0o700);
  const own = readEnvironment();
  const variables = {
    PATH: own.variables['PATH'] ?? '',
    HOME: path,
    USER: 'tester',
    IPC_HOME: path,
    ...more,
  };
  const environment: Environment = { ...own, variables, userHome: path };
  const paths = resolvePaths(environment);
  return {
    path,
    paths,
    environment,
    variables,
    [Symbol.asyncDispose]: async () => {
      await stopDaemon(paths, environment);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Ends the daemon of a home, if there is one, and waits until its process is gone. */
export async function stopDaemon(paths: Paths, environment: Environment): Promise<void> {
  const client = new Client({
    connect: (receive) => reach({ paths, environment, start: 'existing' }, receive),
    caller: { client: 'test', kind: 'human', pid: environment.pid },
    secret: () => environment.variables['IPC_SHARED_SECRET'],
  });
  let pid: number;
  try {
    ({ pid } = await client.operations['daemon.stop']({ reason: 'the test is over' }));
  } catch {
    return;
  } finally {
    await client.close();
  }
  if (pid !== environment.pid) await until(() => !isAlive(pid), `daemon ${pid} to end`);
}

export function isAlive(pid: number): boolean {
  return processFacts(pid) !== undefined;
}
