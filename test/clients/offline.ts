/** A real client program in a user's folder of a test's own, with no model to be reached. */
import type { Machine } from '../e2e/machine.ts';

/** What it says, on both streams, whatever it ends with. */
export async function said(machine: Machine, command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: machine.directory,
    env: offline(machine),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return stdout + stderr;
}

export function offline(machine: Machine): Record<string, string> {
  return {
    ...machine.environment,
    // Nobody there: no model is asked.
    ANTHROPIC_API_KEY: 'none',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
    CLAUDE_CODE_MAX_RETRIES: '0',
    DISABLE_AUTOUPDATER: '1',
  };
}
