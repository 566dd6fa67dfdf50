/** Other programs: found on the PATH as a shell would find them, and run as helpers beside what a session does. */
import { accessSync, constants, statSync } from 'node:fs';
import { asFailure } from '../protocol/failures.ts';
import { type Environment, variable } from './environment.ts';

/** A helper that says nothing for so long hangs. */
const HELPER_MS = 10_000;

/** Every one of that name, the first to be run first. */
export function programsOnPath(environment: Environment, name: string): readonly string[] {
  const windows = environment.platform === 'win32';
  const path = variable(environment, 'PATH') ?? variable(environment, 'Path') ?? '';
  const folders = path.split(windows ? ';' : ':').filter((folder) => folder !== '');
  const endings = windows ? (variable(environment, 'PATHEXT') ?? '.EXE;.CMD;.BAT;.COM').split(';') : [''];
  const names = endings.map((ending) => `${name}${ending.toLowerCase()}`);
  return folders.flatMap((folder) => names.map((each) => `${folder}/${each}`)).filter(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface Helping {
  readonly environment: Environment;
  /** Added to the environment's own. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Runs a program to its end; undefined when that was well, else what it did instead, as the end of a sentence. */
export async function runHelper(
  argv: readonly string[],
  { environment, variables = {}, signal }: Helping,
): Promise<string | undefined> {
  try {
    const child = Bun.spawn([...argv], {
      env: { ...environment.variables, ...variables },
      cwd: environment.directory,
      stdin: 'ignore',
      // stdout belongs to the protocol of the session.
      stdout: 'ignore',
      stderr: 'pipe',
      timeout: HELPER_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
      ...(signal === undefined ? {} : { signal }),
    });
    // Taken, so that it never waits for us; not waited for: what it started may keep it open.
    const said = child.stderr.text();
    const code = await child.exited;
    if (code === 0) return undefined;
    if (child.signalCode !== null)
      return signal?.aborted === true ? 'was ended' : `said nothing for ${HELPER_MS / 1_000} s`;
    const last = (await said).trim().split('\n').at(-1) ?? '';
    return `ended with ${code}${last === '' ? '' : `: ${last}`}`;
  } catch (error) {
    return `could not be started: ${asFailure(error).message}`;
  }
}
