/** `ipc kernel host`: the process that `kernel start` and `kernel connect` leave behind. */
import { asFailure } from '../../protocol/failures.ts';
import { parseOwnName } from '../../protocol/names.ts';
import { reserveStdout, writeError, writeOut } from '../../system/output.ts';
import type { Call } from '../call.ts';
import type { HostReport } from '../kernel/spawn-host.ts';
import type { Verb } from '../verb.ts';

async function run(call: Call): Promise<number> {
  const { world } = call;
  const report = (line: HostReport): boolean => writeOut(`${JSON.stringify(line)}\n`);
  const log = (text: string): void => void writeError(`${new Date(world.now()).toISOString()} ${text}\n`);
  try {
    // What it writes is its user's alone, from birth.
    process.umask(0o077);
    const [name = ''] = call.words;
    const { hostKernel } = await import('../kernel/host.ts');
    const hosting = await hostKernel(world, parseOwnName(name), log);
    report({ ready: true, pid: world.environment.pid, language: hosting.language });
    // Its starter goes, and the pipe with it.
    reserveStdout();
    const why = await Promise.race([hosting.ended, signalled()]);
    log(`ending: ${why}`);
    await hosting.close();
    return 0;
  } catch (error) {
    const failure = asFailure(error);
    report({ failure: failure.body() });
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return failure.exit;
  }
}

/** The kernel has a session of its own and hears nothing of it. */
function signalled(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  process.on('SIGHUP', () => undefined);
  return promise;
}

export const host: Verb = {
  spec: {
    name: 'kernel host',
    summary: 'Host one kernel, in the foreground (kernel start and kernel connect do it)',
    usage: '<name>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [
      ['ipc kernel host py', 'attach again under the name it had; ends on SIGTERM, the kernel stays'],
    ],
    operations: {},
  },
  run,
};
