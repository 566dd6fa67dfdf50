/** Two versions of the program on one machine: the previous release, kept as a fixture, and one that is newer than it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compareVersions } from '../../src/system/version.ts';
import { BINARY } from './machine.ts';

const ROOT = resolve(import.meta.dir, '../..');
/** The schema of its store, and its version. */
export const FORMER = { version: '0.1.0', schema: 2 } as const;

export interface Versions extends AsyncDisposable {
  /** The previous release: a file to run, as client and as daemon. */
  readonly former: string;
  readonly formerVersion: string;
  /** A later one, from this source. */
  readonly current: string;
  readonly currentVersion: string;
}

export async function openVersions(): Promise<Versions> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-versions-'));
  const former = await unpack(folder);
  const own = await versionOf(BINARY);
  const isLater = compareVersions(own, FORMER.version) > 0;
  return {
    former,
    formerVersion: FORMER.version,
    current: isLater ? BINARY : await built(join(folder, 'ipc'), '9.9.9'),
    currentVersion: isLater ? own : '9.9.9',
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const EARLIER = '0.1.9';

/**
 * This program and one a version before it that reads the same stores, as most versions do: those two can replace each
 * other again and again. The previous release cannot come back to a store whose schema the current one has changed.
 */
export async function openNeighbours(): Promise<Versions> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-versions-'));
  return {
    former: await built(join(folder, `ipc-${EARLIER}`), EARLIER),
    formerVersion: EARLIER,
    current: BINARY,
    currentVersion: await versionOf(BINARY),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function unpack(folder: string): Promise<string> {
  const packed = Bun.file(join(import.meta.dir, `../fixtures/ipc-${FORMER.version}.js.zst`));
  const script = join(folder, `ipc-${FORMER.version}.js`);
  await writeFile(script, Bun.zstdDecompressSync(await packed.bytes()));
  const command = join(folder, `ipc-${FORMER.version}`);
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  await chmod(command, 0o755);
  return command;
}

async function versionOf(binary: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'ipc-version-'));
  const { stdout } = Bun.spawnSync([binary, 'version', '--json'], {
    env: { HOME: home, PATH: process.env['PATH'] ?? '' },
  });
  await rm(home, { recursive: true });
  return (JSON.parse(stdout.toString()) as { version: string }).version;
}

async function built(outfile: string, version: string): Promise<string> {
  const child = Bun.spawn(
    [process.execPath, 'scripts/build.ts', '--outfile', outfile, '--version', version],
    {
      cwd: ROOT,
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`wanted a build of version ${version}: ${said}`);
  return outfile;
}
