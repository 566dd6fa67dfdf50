/**
 * Compiles the one executable and runs what it built: a binary with bytecode in the wrong module format
 * dies at start while the build exits 0 (design §3.2), so only a message that arrived counts as built.
 *
 *   scripts/build [--outfile dist/ipc] [--version 1.2.3] [--target bun-linux-arm64]
 */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version as packaged } from '../package.json';

const { values } = parseArgs({
  options: {
    outfile: { type: 'string', default: 'dist/ipc' },
    version: { type: 'string', default: packaged },
    target: { type: 'string' },
  },
});

const root = resolve(import.meta.dir, '..');
const outfile = resolve(root, values.outfile);

await mkdir(dirname(outfile), { recursive: true });
// Built beside its place and renamed into it: a running daemon keeps the file it was started from, and
// nobody ever starts half a binary.
const fresh = `${outfile}.new-${process.pid}`;
const { target } = values;
try {
  await compile(fresh);
  if (target === undefined) await prove(fresh);
  await rename(fresh, outfile);
  const checked = target === undefined ? 'built and ran' : `built for ${target}, not run,`;
  process.stderr.write(`${checked} ${values.outfile} (${values.version})\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(fresh, { force: true });
}

async function compile(into: string): Promise<void> {
  const flags = [
    '--compile',
    '--minify',
    '--bytecode',
    '--format=esm',
    '--splitting',
    // A command is over before compiled code pays: 0.3 ms less. The daemon goes back to the usual (main.ts).
    '--compile-jit-policy=100',
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--define',
    `IPC_VERSION=${JSON.stringify(values.version)}`,
    ...(target === undefined ? [] : [`--target=${target}`]),
  ];
  const build = Bun.spawn([process.execPath, 'build', ...flags, '--outfile', into, 'src/main.ts'], {
    cwd: root,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [talk, trouble, status] = await Promise.all([build.stdout.text(), build.stderr.text(), build.exited]);
  if (status === 0) return;
  throw new Error(`${talk}${trouble}bun build ended with ${status}`);
}

/** Says its version, and carries one message through a daemon of its own. */
async function prove(binary: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'ipc-build-'));
  const ipc = async (...args: string[]): Promise<string> => await output(binary, args, home);
  try {
    expectIn(await ipc('version'), values.version);
    const body = `built ${values.version}`;
    await ipc('send', '--as', 'builder', 'tester', body);
    expectIn(await ipc('check', '--as', 'tester'), body);
  } finally {
    await ipc('daemon', 'stop').catch(() => '');
    await rm(home, { recursive: true, force: true });
  }
}

async function output(binary: string, args: string[], home: string): Promise<string> {
  const run = Bun.spawn([binary, ...args], {
    env: { PATH: process.env['PATH'], HOME: home, IPC_HOME: join(home, 'ipc') },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 30_000,
  });
  const [data, talk, status] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (status === 0) return data;
  throw new Error(`what was built fails: ipc ${args.join(' ')} ended with ${status}\n${data}${talk}`);
}

function expectIn(found: string, wanted: string): void {
  if (found.includes(wanted)) return;
  throw new Error(`what was built is wrong: wanted ${JSON.stringify(wanted)} in ${JSON.stringify(found)}`);
}
