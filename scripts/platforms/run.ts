/**
 * The checks of program.ts on each platform that this machine can be: one line a check, and at the end how
 * many there were. A platform that cannot be had is skipped, and says why.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { consoleShows } from './console.ts';
import { type Missing, must, type Place } from './place.ts';
import { arm64, musl } from './roots.ts';
import { wine } from './wine.ts';

interface Platform {
  readonly name: string;
  readonly target: string;
  /** How many cold commands race: an emulated processor has not got the time for fifty. */
  readonly racers: number;
  readonly open: (folder: string) => Promise<Place | Missing>;
}

const here = async (folder: string): Promise<Place> => ({
  folder,
  variables: {},
  command: (program, args) => [program, ...args],
  inside: (file) => join(folder, file),
  [Symbol.asyncDispose]: async () => undefined,
});

const platforms: readonly Platform[] = [
  { name: 'here', target: `bun-${process.platform}-${process.arch}`, racers: 50, open: here },
  { name: 'windows', target: 'bun-windows-x64', racers: 50, open: wine },
  { name: 'arm64', target: 'bun-linux-arm64', racers: 10, open: arm64 },
  { name: 'musl', target: 'bun-linux-x64-musl', racers: 50, open: musl },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    /** Checks whose name has these words. */
    match: { type: 'string', default: '' },
  },
});
const root = resolve(import.meta.dir, '../..');
/** Checks that take longer hang. */
const longestMs = values.smoke ? 4 * 60_000 : 20 * 60_000;
const counts = { pass: 0, fail: 0, skip: 0 };

const unknown = positionals.find((name) => !platforms.some((platform) => platform.name === name));
if (unknown !== undefined)
  throw new Error(`wanted ${platforms.map(({ name }) => name).join(', ')}, found ${unknown}`);
for (const platform of platforms)
  if (positionals.length === 0 || positionals.includes(platform.name)) await test(platform);
process.stdout.write(
  `\n${counts.pass} passed, ${counts.fail} failed${counts.skip > 0 ? `, ${counts.skip} skipped` : ''}\n`,
);
process.exitCode = counts.fail === 0 ? 0 : 1;

async function test(platform: Platform): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-platform-'));
  try {
    const place = await platform.open(folder);
    if ('missing' in place) return say('skip', platform, place.missing);
    await using _ = place;
    await build(platform, folder);
    await run(platform, place);
    if (platform.name === 'windows' && values.match === '') await testConsole(platform, place);
  } catch (error) {
    say('fail', platform, error instanceof Error ? error.message : String(error));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function testConsole(platform: Platform, place: Place): Promise<void> {
  const name = 'at a console a person is a person, and sees whole text in colour';
  const unseen = await consoleShows(place);
  if (unseen === undefined) say('pass', platform, name);
  else say('skip', platform, `${name}: ${unseen}`);
}

async function build({ target }: Platform, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const bun = process.execPath;
  const compiled = ['--compile', '--minify', `--target=${target}`, '--outfile', join(folder, 'program.exe')];
  await must([bun, 'scripts/build.ts', '--target', target, '--outfile', join(folder, 'ipc.exe')], {
    cwd: root,
  });
  await must([bun, 'build', ...compiled, 'scripts/platforms/program.ts'], { cwd: root });
}

async function run(platform: Platform, place: Place): Promise<void> {
  const racers = Math.ceil(platform.racers / (values.smoke ? 3 : 1));
  const wishes = [...(values.smoke ? ['--smoke'] : []), '--racers', String(racers), '--match', values.match];
  const command = place.command(place.inside('program.exe'), [place.inside('ipc.exe'), ...wishes]);
  const child = Bun.spawn([...command], {
    cwd: place.folder,
    env: { ...process.env, ...place.variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: longestMs,
  });
  let rest = '';
  const utf8 = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const chunk of child.stdout) {
      const lines = (rest + utf8.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(platform, line.trimEnd());
    }
  };
  const [, trouble, status] = await Promise.all([read(), child.stderr.text(), child.exited]);
  if (status !== 0) say('fail', platform, `the checks ended with ${status}: ${rest}${trouble}`);
}

function take(platform: Platform, line: string): void {
  const [, word, text = ''] = /^\((pass|fail)\) (.*)$/.exec(line) ?? [];
  if (word === 'pass' || word === 'fail') say(word, platform, text);
  else process.stdout.write(`${line}\n`);
}

function say(word: keyof typeof counts, { name }: Platform, text: string): void {
  counts[word] += 1;
  process.stdout.write(`(${word}) ${name}: ${text}\n`);
}
