/**
 * Which lines of `src/` run in the tests. Bun's own `--coverage` sees the test process only, and most of
 * what is tested here runs in the compiled binary, which is killed now and then. So a copy of the checkout
 * is made whose sources mark, in a file mapped into the memory of each process that runs them, what they
 * pass: a mark is kept whatever becomes of the process. The tests run in that copy, and dist/ipc here stays
 * what it is.
 *
 *   scripts/coverage [FILES OR FLAGS OF bun test]
 *
 * It writes coverage/lcov.info and coverage/not-covered.txt. Tests that measure time or read the sources
 * may fail in the copy; they are named and do not count here.
 */
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { lcov, notCovered, table, type FileLines } from './coverage-report.ts';
import { instrument } from './instrument.ts';

const root = resolve(import.meta.dir, '..');
const bun = process.execPath;
const LONGEST_RUN_MS = 60 * 60_000;

const tree = await mkdtemp(join(tmpdir(), 'ipc-coverage-'));
try {
  await chmod(tree, 0o755);
  await copyCheckout(tree);
  const marks = join(tree, 'dist/marks');
  const files = await instrumentSources(tree, marks);
  await must([bun, 'scripts/build.ts']);
  const failed = await tests(process.argv.slice(2));
  const seen = await Bun.file(marks).bytes();
  const covered: FileLines[] = files.map(({ file, first, lines }) => ({
    file,
    probes: lines.map((line, index) => ({ line, passed: seen[first + index] === 1 })),
  }));
  await mkdir(join(root, 'coverage'), { recursive: true });
  await Bun.write(join(root, 'coverage/lcov.info'), lcov(covered));
  await Bun.write(join(root, 'coverage/not-covered.txt'), notCovered(covered));
  if (failed.length > 0) process.stdout.write(`failed in the copy:\n${failed.join('\n')}\n\n`);
  process.stdout.write(table(covered));
} finally {
  await rm(tree, { recursive: true, force: true });
}

/** With its history, which a test clones, and the files as they are here. */
async function copyCheckout(into: string): Promise<void> {
  await must(['git', 'clone', '--quiet', '--no-checkout', root, into], root);
  const listed = Bun.spawnSync(['git', 'ls-files', '-coz', '--exclude-standard'], { cwd: root });
  for (const file of listed.stdout.toString().split('\0')) {
    if (file === '' || !(await Bun.file(join(root, file)).exists())) continue;
    await mkdir(join(into, dirname(file)), { recursive: true });
    await copyFile(join(root, file), join(into, file));
  }
  await symlink(join(root, 'node_modules'), join(into, 'node_modules'));
}

interface Probes {
  readonly file: string;
  readonly first: number;
  readonly lines: readonly number[];
}

async function instrumentSources(into: string, marks: string): Promise<Probes[]> {
  const prelude = probeFunction(marks);
  const found: Probes[] = [];
  let first = 0;
  const sources = [...new Bun.Glob('src/**/*.ts').scanSync({ cwd: into })].filter(
    (file) => !file.endsWith('.d.ts'),
  );
  for (const file of sources.toSorted()) {
    const path = join(into, file);
    const { text, lines } = instrument(file, await Bun.file(path).text(), { first, prelude });
    await Bun.write(path, text);
    found.push({ file, first, lines });
    first += lines.length;
  }
  await mkdir(dirname(marks), { recursive: true });
  await Bun.write(marks, new Uint8Array(first));
  // Some tests run the binary as another user.
  await chmod(marks, 0o666);
  return found;
}

/** A function, because modules that import each other may call one another before their first line ran. */
function probeFunction(marks: string): string {
  const open = `(()=>{try{return Bun.mmap(${JSON.stringify(marks)})}catch{return []}})()`;
  return `var __marks__;function __probe__(n:number){(__marks__??=(globalThis as any).__marks__??=${open})[n]=1}`;
}

/** Names of the tests that failed. */
async function tests(selection: readonly string[]): Promise<readonly string[]> {
  const child = Bun.spawn([bun, 'test', '--no-orphans', '--timeout=180000', ...selection], {
    cwd: tree,
    env: { ...process.env, CI: 'true' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: LONGEST_RUN_MS,
  });
  let output = '';
  const take = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const text = new TextDecoder();
    for await (const chunk of stream) {
      output += text.decode(chunk, { stream: true });
      process.stderr.write(chunk);
    }
  };
  await Promise.all([child.exited, take(child.stdout), take(child.stderr)]);
  const failed = output.matchAll(/^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/gm);
  // Bun names them again at the end.
  return [...new Set([...failed].map(([, name]) => `  ${name ?? ''}`))];
}

async function must(command: readonly string[], cwd = tree): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' });
  const status = await child.exited;
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}`);
}
