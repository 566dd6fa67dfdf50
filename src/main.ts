/**
 * One binary, several programs: argv decides which, and only that one is loaded (design §3.2). The
 * only place that ends the process.
 */
import { endWith } from './system/ending.ts';
import { commandLine } from './system/environment.ts';

const argv = commandLine();
endWith(program(), (code) => process.exit(code));

async function program(): Promise<number> {
  const care = storeCare(argv);
  if (care !== undefined) {
    const { runCare } = await import('./daemon/store-care.ts');
    return runCare(care);
  }
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

/** What the daemon and the doctor start this program for; no verb, so nothing else is taken with it. */
function storeCare([first, second, flag, ...more]: readonly string[]) {
  if (first !== 'daemon' || second !== 'run' || more.length > 0) return undefined;
  switch (flag) {
    case '--check':
      return 'check';
    case '--check-pages':
      return 'check-pages';
    case '--repair':
      return 'repair';
    default:
      return undefined;
  }
}
