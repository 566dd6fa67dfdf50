/**
 * Compiles the one executable and runs what it built: a binary with bytecode in the wrong module format
 * dies at start while the build exits 0 (design §3.2), so only a message that arrived counts as built.
 *
 *   scripts/build [--outfile dist/ipc] [--version 1.2.3] [--target bun-linux-arm64]
 *   scripts/build --all     every target of scripts/targets.ts into dist/, with their sums
 *   scripts/build --all --only bun-linux-x64 --only bun-windows-x64 --outfile DIR/ipc
 */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version as packaged } from '../package.json';
import { SUMS, sumLine, targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    outfile: { type: 'string', default: 'dist/ipc' },
    version: { type: 'string', default: packaged },
    target: { type: 'string' },
    all: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});

const root = resolve(import.meta.dir, '..');
const outfile = resolve(root, values.outfile);

try {
  await mkdir(dirname(outfile), { recursive: true });
  if (values.all) await buildAll(dirname(outfile));
  else await buildOne(outfile, values.target);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Whoever finds the sums finds whole files: they are written last. */
async function buildAll(folder: string): Promise<void> {
  const chosen = targets.filter(({ target }) => values.only.length === 0 || values.only.includes(target));
  const sums = join(folder, SUMS);
  await rm(sums, { force: true });
  let text = '';
  for (const { target, file } of chosen) {
    await buildOne(join(folder, file), target);
    text += await sumLine(folder, file);
  }
  await Bun.write(sums, text);
  process.stderr.write(`wrote ${sums}: ${chosen.length} files\n`);
}

async function buildOne(into: string, target: string | undefined): Promise<void> {
  const begun = performance.now();
  // Built beside its place and renamed into it: a running daemon keeps the file it was started from, and
  // nobody ever starts half a binary. Bun gives what is for Windows this ending if it has not got it.
  const fresh = `${into}.new-${process.pid}${target?.startsWith('bun-windows') === true ? '.exe' : ''}`;
  try {
    await compile(fresh, target);
    const runsHere = target === undefined || target === `bun-${process.platform}-${process.arch}`;
    if (runsHere) await prove(fresh);
    const { size } = await stat(fresh);
    await rename(fresh, into);
    const checked = runsHere ? 'built and ran' : `built for ${target}, not run,`;
    const figures = `${(size / 1e6).toFixed(1)} MB in ${((performance.now() - begun) / 1_000).toFixed(1)} s`;
    process.stderr.write(`${checked} ${into} (${values.version}; ${figures})\n`);
  } finally {
    await rm(fresh, { force: true });
  }
}

async function compile(into: string, target: string | undefined): Promise<void> {
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
