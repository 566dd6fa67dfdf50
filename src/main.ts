/**
 * One binary, several programs: argv decides which, and only that one is loaded (design §3.2). The
 * only place that ends the process.
 */
import { commandLine } from './system/environment.ts';

const argv = commandLine();
process.exit(await program());

async function program(): Promise<number> {
  if (argv[0] === 'daemon' && argv[1] === 'run' && argv.length === 2) {
    // The program is built to compile late (scripts/build.ts); what stays does better with the usual.
    Bun.unsafe.setJITPolicy(1);
    const { runDaemon } = await import('./daemon/daemon.ts');
    return runDaemon();
  }
  const { run } = await import('./cli/program.ts');
  return run(argv);
}
