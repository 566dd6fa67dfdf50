/** Where one row is measured: a folder of its own, with or without a daemon of the compiled binary in it. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from './session.ts';

/** What every row gets. */
export interface Bench {
  readonly binary: string;
  /** On the disk that is measured; gone when the bench ends. */
  readonly folder: string;
  readonly quick: boolean;
  readonly million: boolean;
  note(text: string): void;
}

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface Site {
  readonly folder: string;
  readonly home: string;
  readonly socket: string;
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the binary to its end; throws when it fails. */
  ipc(...args: readonly string[]): Ran;
}

let sites = 0;

/** A folder in which there is no home yet. */
export async function withFolder<T>(bench: Bench, work: (folder: string) => Promise<T>): Promise<T> {
  sites += 1;
  const folder = join(bench.folder, `s${sites}`);
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Only what a command needs: nothing of the caller's own agent or client may leak in. */
export function environment(folder: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: folder, IPC_HOME: join(folder, 'h') };
}

/** A running daemon in a fresh home, in its default configuration. */
export async function withSite<T>(bench: Bench, work: (site: Site) => Promise<T>): Promise<T> {
  return await withFolder(bench, async (folder) => {
    const env = environment(folder);
    const ipc: Site['ipc'] = (...args) => succeed(run([bench.binary, ...args], env), args);
    try {
      ipc('daemon', 'start');
      const status: unknown = JSON.parse(ipc('daemon', 'status', '--json').stdout);
      if (!isRecord(status)) throw new Error('wanted the facts of the daemon as an object');
      const { socket, pid, home } = status;
      if (typeof socket !== 'string' || typeof pid !== 'number' || typeof home !== 'string') {
        throw new Error(`wanted home, socket and pid of the daemon, found ${JSON.stringify(status)}`);
      }
      return await work({ folder, home, socket, pid, env, ipc });
    } finally {
      run([bench.binary, 'daemon', 'stop'], env);
    }
  });
}

/** Runs a whole process and times it from the spawn to its end. */
export function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  input?: Uint8Array,
): Ran {
  const begun = performance.now();
  const stdin = input ?? 'ignore';
  const ended = Bun.spawnSync([...command], { env, stdin, stdout: 'pipe', stderr: 'pipe' });
  const milliseconds = performance.now() - begun;
  const { exitCode, stdout, stderr } = ended;
  return { status: exitCode, stdout: stdout.toString(), stderr: stderr.toString(), milliseconds };
}

export function succeed(ran: Ran, args: readonly string[]): Ran {
  if (ran.status === 0) return ran;
  throw new Error(`ipc ${args.join(' ')} ended with ${ran.status}: ${ran.stdout}${ran.stderr}`);
}

/** A helper of the bench itself, such as the echo: up when it says so. */
export async function withServer<T>(command: readonly string[], work: () => Promise<T>): Promise<T> {
  const server = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' });
  try {
    const reader = server.stdout.getReader();
    const { done } = await reader.read();
    if (done) throw new Error(`${command.join(' ')} ended before it was ready`);
    return await work();
  } finally {
    server.kill();
    await server.exited;
  }
}
