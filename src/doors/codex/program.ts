/** `codex queue` as a program of the system: which one is asked, and what its failure says. */
import type { Environment } from '../../system/environment.ts';
import { commandWords } from '../../system/processes.ts';
import { programsOnPath, runHelper } from '../../system/programs.ts';

/** Undefined when it ended well; else why not. */
export async function queueInCodex(
  environment: Environment,
  { codex, thread, text }: { codex: number; thread: string; text: string },
): Promise<string | undefined> {
  const program = programsOnPath(environment, 'codex')[0] ?? programOf(codex);
  if (program === undefined) return 'no codex is on the PATH';
  const argv = [program, 'queue', '--thread', thread, '--message', text];
  const trouble = await runHelper(argv, { environment });
  return trouble === undefined ? undefined : `codex queue ${trouble}`;
}

/** The very program that runs the session, when it says where it is. */
function programOf(pid: number): string | undefined {
  const [program] = commandWords(pid);
  return program !== undefined && /^[/\\].*codex[^/\\]*$/.test(program) ? program : undefined;
}
