/** Real kernels for the tests: Debian's ipykernel, started as the product starts them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionInfo, writeConnectionFile } from '../../src/kernel/connection-info.ts';
import { findSpecs, specNamed } from '../../src/kernel/kernelspec.ts';
import {
  connectionFileName,
  freeConnection,
  type Launched,
  launchKernel,
  privateConnection,
} from '../../src/kernel/launch.ts';
import { KernelSession } from '../../src/kernel/session.ts';
import type { SessionOptions } from '../../src/kernel/session-options.ts';
import { readEnvironment } from '../../src/system/environment.ts';

export const PYTHON = '/usr/bin/python3';

/** Why the tests against real kernels cannot run here; undefined: they can. */
export const missing = missingHere();

function missingHere(): string | undefined {
  const asked = Bun.spawnSync([PYTHON, '-c', 'import ipykernel, jupyter_client, matplotlib'], {
    stderr: 'pipe',
  });
  if (asked.success) return undefined;
  const packages = 'python3-ipykernel python3-jupyter-client python3-matplotlib';
  process.stderr.write(`(skip) no real kernel here; wanted Debian's ${packages}\n`);
  return 'ipykernel is not installed';
}

export interface RealKernel extends AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly info: ConnectionInfo;
  readonly launched: Launched;
  /** Starts it again on the same connection file. */
  relaunch(): Promise<Launched>;
  /** A session of ours, closed with the kernel. */
  attach(options?: Partial<SessionOptions>, info?: ConnectionInfo): Promise<KernelSession>;
}

export async function realKernel(options: { readonly transport?: 'tcp' | 'ipc' } = {}): Promise<RealKernel> {
  const folder = mkdtempSync(join(tmpdir(), 'ipc-kernel-'));
  const runtime = join(folder, 'runtime');
  mkdirSync(runtime);
  const seen = readEnvironment();
  const environment = {
    ...seen,
    userHome: folder,
    variables: {
      ...seen.variables,
      HOME: folder,
      PATH: '/usr/bin:/bin',
      JUPYTER_RUNTIME_DIR: runtime,
      IPYTHONDIR: join(folder, 'ipython'),
      MPLCONFIGDIR: join(folder, 'matplotlib'),
    },
  };
  const found = await findSpecs(environment);
  const spec = specNamed(found, 'python3');
  const info =
    options.transport === 'ipc'
      ? privateConnection(spec.name, join(folder, 'sockets'))
      : freeConnection(spec.name);
  const file = join(runtime, connectionFileName());
  writeConnectionFile(file, info);
  const launch = () =>
    launchKernel({
      spec,
      pythons: found.pythons,
      environment,
      connectionFile: file,
      directory: folder,
      log: join(folder, 'kernel.log'),
    });
  const all = [launch()];
  const sessions: KernelSession[] = [];
  return {
    folder,
    file,
    info,
    launched: all[0] ?? launch(),
    relaunch: async () => {
      const next = launch();
      all.push(next);
      return next;
    },
    attach: async (more = {}, other = info) => {
      const starting = other === info ? { starting: all.at(-1)?.exited ?? Promise.resolve('') } : {};
      const session = await KernelSession.open(other, {
        username: 'tester',
        withinMs: 20_000,
        connectionFile: file,
        ...starting,
        ...more,
      });
      sessions.push(session);
      return session;
    },
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.close();
      for (const { pid } of all) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
      await Promise.all(all.map(({ exited }) => exited));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
