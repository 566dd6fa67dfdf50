/** Real processes of the program under test: the compiled binary where IPC_TEST_BINARY names one, else the source. */
import { readEnvironment, variable } from '../../src/system/environment.ts';
import type { TestHome } from './home.ts';

const binary = variable(readEnvironment(), 'IPC_TEST_BINARY');

export const ipcCommand: readonly string[] =
  binary === undefined ? [process.execPath, `${import.meta.dir}/../../src/main.ts`] : [binary];

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly variables?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** Runs one command to its end. */
export async function runIpc(
  home: TestHome,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const child = Bun.spawn([...ipcCommand, ...args], {
    cwd: options.directory ?? home.path,
    env: { ...home.variables, ...options.variables },
    stdin: options.stdin === undefined ? 'ignore' : Buffer.from(options.stdin),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

export interface RunningDaemon extends AsyncDisposable {
  readonly pid: number;
  readonly report: Readonly<Record<string, unknown>>;
  readonly exited: Promise<number>;
  signal(name: NodeJS.Signals): void;
}

/** A daemon in the foreground of the test; resolves with its first line, ready or not. */
export async function startDaemon(home: TestHome, options: RunOptions = {}): Promise<RunningDaemon> {
  const child = Bun.spawn([...ipcCommand, 'daemon', 'run'], {
    cwd: options.directory ?? home.path,
    env: { ...home.variables, ...options.variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const report: unknown = JSON.parse(await firstLine(child.stdout));
  return {
    pid: child.pid,
    report: report as Record<string, unknown>,
    exited: child.exited,
    signal: (name) => child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const utf8 = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += utf8.decode(chunk, { stream: true });
    if (text.includes('\n')) break;
  }
  return text.slice(0, text.indexOf('\n'));
}
