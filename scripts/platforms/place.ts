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
  const child = Bun.spawn([...command], {
    ...options,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 180_000,
  });
  const [talk, trouble, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${talk}${trouble}`);
  return talk;
}

export function lacks(...programs: readonly string[]): string | undefined {
  return programs.find((program) => Bun.which(program) === null);
}
