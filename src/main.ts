/**
 * One binary, several programs: argv decides which, and only that one is loaded (design §3.2). The
 * only place that ends the process.
 */
import { endWith } from './system/ending.ts';
import { commandLine } from './system/environment.ts';

const argv = commandLine();
endWith(program(), (code) => process.exit(code));

async function program(): Promise<number> {
  if (isDaemonRun(argv)) {
    // The program is built to compile late (scripts/build.ts); what stays does better with the usual.
    Bun.unsafe.setJITPolicy(1);
    const { runDaemon } = await import('./daemon/daemon.ts');
    return runDaemon();
  }
  const { run } = await import('./cli/program.ts');
  return run(argv);
}

/** The flags every verb takes are taken here too: the report on stdout is the same whatever they say. */
function isDaemonRun(given: readonly string[]): boolean {
  const words = given.filter(
    (word, at) => !/^(-q|--json|--quiet|--no-color|--as(=.*)?)$/s.test(word) && given[at - 1] !== '--as',
  );
  return words.length === 2 && words[0] === 'daemon' && words[1] === 'run';
}
