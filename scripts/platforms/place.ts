/** What it takes to run a binary for another platform: a place for it, and commands run to their end. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a binary for another platform runs on this machine. */
export interface Place extends AsyncDisposable {
  /** The command that runs a program of that platform; both files lie in `folder`. */
  command(program: string, args: readonly string[]): readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Put the program and the binary here. */
  readonly folder: string;
  /** How programs there call a file of that folder. */
  inside(file: string): string;
}

/** A place that this machine cannot have, and why. */
export interface Missing {
  readonly missing: string;
}

/** Runs a command to its end; throws with what it said when it fails. */
export async function must(
  command: readonly string[],
  options: { readonly env?: Record<string, string | undefined>; readonly cwd?: string } = {},
): Promise<string> {
  // Into files: Wine's server, and a daemon begun there, keep a pipe of whoever began them open for as long as they live.
  await using said = await outputFiles();
  const child = Bun.spawn([...command], {
    ...options,
    stdin: 'ignore',
    stdout: Bun.file(said.talk),
    stderr: Bun.file(said.trouble),
    timeout: 180_000,
  });
  const status = await child.exited;
  const [talk, trouble] = await Promise.all([readFile(said.talk, 'utf8'), readFile(said.trouble, 'utf8')]);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${talk}${trouble}`);
  return talk;
}

async function outputFiles(): Promise<{ talk: string; trouble: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-said-'));
  return {
    talk: join(folder, 'stdout'),
    trouble: join(folder, 'stderr'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export function lacks(...programs: readonly string[]): string | undefined {
  return programs.find((program) => Bun.which(program) === null);
}
