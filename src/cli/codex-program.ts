/** `codex queue` as a program of the system: which one, how long it may take, what its failure says. */
import { asFailure } from '../protocol/failures.ts';
import type { Environment } from '../system/environment.ts';
import { commandWords } from '../system/processes.ts';
import { programsOnPath } from '../system/programs.ts';

/** One that says nothing for so long hangs. */
const PATIENCE_MS = 10_000;

/** Undefined when it ended well; else why not. */
export async function queueInCodex(
  environment: Environment,
  { codex, thread, text }: { codex: number; thread: string; text: string },
): Promise<string | undefined> {
  const program = programsOnPath(environment, 'codex')[0] ?? programOf(codex);
  if (program === undefined) return 'no codex is on the PATH';
  try {
    const child = Bun.spawn([program, 'queue', '--thread', thread, '--message', text], {
      env: { ...environment.variables },
      cwd: environment.directory,
      stdin: 'ignore',
      // stdout belongs to the protocol of the session.
      stdout: 'ignore',
      stderr: 'pipe',
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    });
    const code = await child.exited;
    if (code === 0) return undefined;
    if (child.signalCode !== null) return `codex queue said nothing for ${PATIENCE_MS / 1_000} s`;
    const said = (await child.stderr.text()).trim().split('\n').at(-1) ?? '';
    return `codex queue ended with ${code}: ${said}`;
  } catch (error) {
    return `codex queue could not be started: ${asFailure(error).message}`;
  }
}

/** The very program that runs the session, when it says where it is. */
function programOf(pid: number): string | undefined {
  const [program] = commandWords(pid);
  return program !== undefined && /^[/\\].*codex[^/\\]*$/.test(program) ? program : undefined;
}
