/** A process that identity takes for an agent program (a shell under its name), told what to start. */
import { copyFile, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

export interface Started {
  /** Its stdout so far. */
  output(): Promise<string>;
  /** Lines of its stdout, once there are so many. */
  lines(count: number): Promise<readonly string[]>;
}

export interface AgentProgram extends AsyncDisposable {
  readonly pid: number;
  /** The file it runs from: started again, it is another such program. */
  readonly file: string;
  /** Starts a command line below it, in a shell of its own if it is more than one command. */
  start(command: string, variables?: Readonly<Record<string, string>>): Promise<Started>;
}

export async function agentProgram(
  folder: string,
  name: string,
  variables: Readonly<Record<string, string>>,
): Promise<AgentProgram> {
  const place = await mkdtemp(join(folder, `${name}-`));
  const program = join(place, name);
  await copyFile(Bun.which('bash') ?? '/bin/bash', program);
  const child = Bun.spawn([program, '-c', 'while read -r line; do eval "$line"; done'], {
    cwd: folder,
    env: { ...variables },
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
    detached: true,
  });
  let number = 0;
  return {
    pid: child.pid,
    file: program,
    start: async (command, own = {}) => {
      const file = join(place, `out-${(number += 1)}`);
      const told = Object.entries(own).map(([key, value]) => `${key}=${value}`);
      await child.stdin.write(`env ${told.join(' ')} ${command} > ${file} &\n`);
      await child.stdin.flush();
      const output = (): Promise<string> => readFile(file, 'utf8').catch(() => '');
      return {
        output,
        lines: async (count) => {
          let found: string[] = [];
          await until(async () => {
            found = (await output()).split('\n').slice(0, -1);
            return found.length >= count;
          }, `${count} lines of ${command}`);
          return found;
        },
      };
    },
    [Symbol.asyncDispose]: async () => {
      try {
        // The program and what it started.
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
      await child.exited;
    },
  };
}
