/**
 * Every check and every test, one after the other, whatever fails on the way; the last line counts them
 * all: `N passed, N failed`, and `, N skipped` if any were. Arguments go to `bun test`.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Finished {
  readonly status: number;
  readonly output: string;
}

const root = resolve(import.meta.dir, '..');
const bun = process.execPath;
/** A test run that takes longer hangs: it is ended and counted as failed. */
const LONGEST_TEST_RUN_MS = 40 * 60_000;

const checks: readonly (readonly [string, readonly string[]])[] = [
  ['types', [bun, 'check', '--no-script']],
  ['format', [bun, 'fmt', '--no-script', '--check', 'src', 'test', 'scripts']],
  ['unused files, exports and dependencies', [bun, 'x', '--no-install', 'knip', '--no-progress']],
  [
    'lint',
    [bun, 'x', '--no-install', 'oxlint', '-c', 'scripts/oxlint.json', '--type-aware', '--deny-warnings'],
  ],
];

const counts: Count[] = [];
for (const [name, command] of checks) counts.push(await check(name, command));
// An old binary must not pass for one that could not be built.
await rm(resolve(root, 'dist/ipc'), { force: true });
counts.push(await check('build', [bun, 'scripts/build.ts']));
counts.push(await check('a message is synced before it is answered', [bun, 'scripts/show-sync.ts']));
const windows = [bun, 'scripts/platforms/run.ts', '--smoke', 'windows'];
counts.push(await check('the Windows binary under Wine', windows));
counts.push(await tests(process.argv.slice(2)));

const passed = sum('passed');
const failed = sum('failed');
const skipped = sum('skipped');
say(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`);
process.exitCode = failed === 0 ? 0 : 1;

async function check(name: string, command: readonly string[]): Promise<Count> {
  const begun = performance.now();
  const { status, output } = await run(command, { plain: true });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  if (status === 0 && /^\(?skip/.test(output)) {
    say(`(skip) ${name}: ${output}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  if (status === 0) {
    say(`(pass) ${name} [${seconds} s]\n`);
    return { passed: 1, failed: 0, skipped: 0 };
  }
  say(`${output}\n(fail) ${name} [${seconds} s]: \`${command.slice(1).join(' ')}\` ended with ${status}\n`);
  return { passed: 0, failed: 1, skipped: 0 };
}

async function tests(selection: readonly string[]): Promise<Count> {
  const command = [bun, 'test', '--no-orphans', '--timeout=60000', ...selection];
  const { status, output } = await run(command, { echo: true, timeout: LONGEST_TEST_RUN_MS });
  // The junit report leaves out a file that could not even be loaded; the summary counts it.
  const counted = /^ *\d+ pass\n(?: *\d+ \w+\n)*/m.exec(output)?.[0] ?? '';
  const found = { passed: tally(counted, 'pass'), failed: tally(counted, 'fail') };
  const untested = tally(counted, 'skip') + tally(counted, 'todo');
  // Bun ended in another way than by a failing test: killed, crashed, no test found.
  const broken = status !== 0 && found.failed === 0 ? 1 : 0;
  if (broken === 1) say(`(fail) the test run itself ended with ${status}\n`);
  return { passed: found.passed, failed: found.failed + broken, skipped: untested };
}

function tally(summary: string, word: string): number {
  return Number(new RegExp(`^ *(\\d+) ${word}$`, 'm').exec(summary)?.[1] ?? 0);
}

async function run(
  command: readonly string[],
  options: { echo?: true; plain?: true; timeout?: number } = {},
): Promise<Finished> {
  const child = Bun.spawn([...command], {
    cwd: root,
    // Some tools colour what they write for a build server.
    ...(options.plain === undefined ? {} : { env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } }),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  });
  let output = '';
  const take = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const text = new TextDecoder();
    for await (const chunk of stream) {
      const piece = text.decode(chunk, { stream: true });
      output += piece;
      if (options.echo) say(piece);
    }
  };
  const [status] = await Promise.all([child.exited, take(child.stdout), take(child.stderr)]);
  return { status, output };
}

function say(text: string): void {
  process.stdout.write(text);
}

function sum(key: keyof Count): number {
  return counts.reduce((total, count) => total + count[key], 0);
}
