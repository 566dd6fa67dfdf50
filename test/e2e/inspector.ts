/**
 * The MCP Inspector, one question at a time. It is 110 MB, so it is fetched once into the folder of the
 * real clients.
 */
import { realProgram } from '../clients/installed.ts';
import type { Machine } from './machine.ts';

const inspector = await realProgram('mcp-inspector');
export const inspected = inspector.realTest;

export interface Inspected {
  readonly code: number;
  readonly result: Record<string, unknown>;
  readonly stderr: string;
}

/** `target`: the server, as options of the Inspector; `words`: what to ask it. */
export async function inspect(
  machine: Machine,
  target: readonly string[],
  words: readonly string[],
): Promise<Inspected> {
  const child = Bun.spawn(
    // Under Bun whatever its first line says: Node need not be here.
    [process.execPath, '--bun', inspector.command, '--cli', ...target, ...words, '--format', 'json', '-q'],
    {
      cwd: machine.directory,
      env: { PATH: process.env['PATH'] ?? '', HOME: machine.directory, USER: 'tester' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const { result } = JSON.parse(stdout === '' ? '{}' : stdout) as { result?: Record<string, unknown> };
  return { code, result: result ?? {}, stderr };
}
