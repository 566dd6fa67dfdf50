/** What no implementation can beat here: measured in the same run, on the same disk. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Load, drive, echoSender, referenceSender } from './load.ts';
import { type Bench, withFolder, withServer } from './site.ts';
import { type Spread, spread } from './statistics.ts';

/**
 * 1 KiB there and back over a Unix socket, one client, from one core to another where the system lets us
 * choose: two processes that do nothing else may end up on one core and then wake each other six times
 * faster, which no server with work of its own can.
 */
export async function echoFloor(bench: Bench): Promise<Load> {
  return await withFolder(bench, async (folder) => {
    const socket = join(folder, 'echo.sock');
    const pinned = mayPin('0') && mayPin('1');
    const elsewhere = pinned ? ['taskset', '--cpu-list', '1'] : [];
    const echo = [...elsewhere, process.execPath, script('echo-server.ts'), socket];
    return await withServer(echo, async () => {
      if (pinned) pinSelf('0');
      const sender = await echoSender(socket);
      await drive([sender], { count: 200 });
      const load = await drive([sender], { seconds: 0.5 });
      sender.close();
      if (pinned) pinSelf(`0-${availableParallelism() - 1}`);
      return load;
    });
  });
}

function mayPin(core: string): boolean {
  if (Bun.which('taskset') === null) return false;
  return Bun.spawnSync(['taskset', '--cpu-list', core, 'true']).exitCode === 0;
}

function pinSelf(cores: string): void {
  Bun.spawnSync(['taskset', '--pid', '--cpu-list', cores, String(process.pid)]);
}

/** 4 KiB written in turn into a file that is already that long, each write followed by fdatasync. */
export async function syncFloor(bench: Bench): Promise<Spread> {
  return await withFolder(bench, async (folder) => {
    const count = bench.quick ? 500 : 1_000;
    const page = Buffer.alloc(4096, 'x');
    const file = openSync(join(folder, 'append'), 'w');
    for (let index = 0; index < count; index += 1) writeSync(file, page, 0, page.length, index * page.length);
    fdatasyncSync(file);
    const samples: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const begun = performance.now();
      writeSync(file, page, 0, page.length, index * page.length);
      fdatasyncSync(file);
      samples.push(performance.now() - begun);
    }
    closeSync(file);
    return spread(samples);
  });
}

/** The reference broker under so many clients. */
export async function referenceLoad(
  bench: Bench,
  options: { clients: number; seconds: number },
): Promise<Load> {
  return await withFolder(bench, async (folder) => {
    const socket = join(folder, 'reference.sock');
    const command = [process.execPath, script('reference-broker.ts'), socket, join(folder, 'reference.db')];
    return await withServer(command, async () => {
      const numbers = Array.from({ length: options.clients }, (_, index) => index);
      const senders = await Promise.all(
        numbers.map(async (number) => await referenceSender(socket, `sink-${number}`)),
      );
      await drive(senders, { count: 20 * options.clients });
      const load = await drive(senders, { seconds: options.seconds });
      for (const sender of senders) sender.close();
      return load;
    });
  });
}

/** A compiled program that does nothing. */
export async function emptyProgram(bench: Bench): Promise<string> {
  return await compiled(bench, 'empty-program.ts');
}

/** A program beside this file, built with the product's own flags. */
export async function compiled(bench: Bench, source: string): Promise<string> {
  const binary = join(bench.folder, source.replace('.ts', ''));
  const flags = ['--compile', '--minify', '--bytecode', '--format=esm', '--splitting'];
  const shut = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];
  const build = Bun.spawn(
    [process.execPath, 'build', ...flags, ...shut, '--outfile', binary, script(source)],
    {
      stdout: 'ignore',
      stderr: 'inherit',
    },
  );
  if ((await build.exited) !== 0) throw new Error(`${source} could not be built`);
  return binary;
}

function script(name: string): string {
  return join(import.meta.dir, name);
}
