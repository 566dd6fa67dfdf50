/** Jupyter's own client as a process beside ours. */
import { join } from 'node:path';
import type { Facts } from '../../src/kernel/message.ts';
import { PYTHON } from './real-kernel.ts';

export interface PythonCell {
  readonly heard: readonly (readonly [string, Facts])[];
  readonly others: readonly (readonly [string, string, Facts])[];
  readonly reply: Facts;
  readonly took: number;
}

export interface PythonClient extends AsyncDisposable {
  readonly session: string;
  run(codes: readonly string[]): Promise<readonly PythonCell[]>;
}

export async function pythonClient(file: string): Promise<PythonClient> {
  const child = Bun.spawn([PYTHON, join(import.meta.dir, 'python_client.py'), file], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  const line = async (): Promise<string> => {
    for (;;) {
      const at = rest.indexOf('\n');
      if (at >= 0) {
        const found = rest.slice(0, at);
        rest = rest.slice(at + 1);
        return found;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error("Jupyter's client ended");
      rest += decoder.decode(value, { stream: true });
    }
  };
  const { ready } = JSON.parse(await line()) as { ready: string };
  return {
    session: ready,
    run: async (codes) => {
      void child.stdin.write(`${JSON.stringify(codes)}\n`);
      await child.stdin.flush();
      return JSON.parse(await line()) as readonly PythonCell[];
    },
    [Symbol.asyncDispose]: async () => {
      await child.stdin.end();
      await child.exited;
    },
  };
}
