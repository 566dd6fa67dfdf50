/**
 * One user's machine for a test: an empty home and the compiled binary, nothing of the developer's own
 * environment. What a test started is gone when it ends, the daemon too.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');
export const BINARY = join(ROOT, 'dist/ipc');

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly binary?: string;
}

export type Child = Bun.Subprocess<'pipe', 'pipe', 'pipe'>;

export interface Machine extends AsyncDisposable {
  /** IPC_HOME. */
  readonly home: string;
  /** Where commands run; empty, and not the home. */
  readonly directory: string;
  /** The user's own folder: HOME. */
  readonly userHome: string;
  /** What commands run with; a client program of this user too. */
  readonly environment: Readonly<Record<string, string>>;
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** As `run`; throws when it does not exit 0. Returns stdout. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** As `ok`, with --json; returns the object printed. */
  json<T = Record<string, unknown>>(args: readonly string[], options?: RunOptions): Promise<T>;
  /** Runs on a terminal of its own, as a person would; stdout and stderr together. */
  terminal(args: readonly string[], options?: RunOptions): Promise<Result>;
  start(args: readonly string[], options?: RunOptions): Child;
  daemonPid(): Promise<number>;
}

/** With `home: 'usual'` it is where people have it, `~/.ipc`, and no variable says so. */
export async function openMachine(options: { readonly home?: 'usual' } = {}): Promise<Machine> {
  if (!existsSync(BINARY)) throw new Error(`wanted the compiled binary at ${BINARY}; run ./scripts/build`);
  // Short, because a socket's path has little room; real, because macOS's /tmp is a symlink.
  const root = await realpath(await mkdtemp(join(tmpdir(), 'ipc-e2e-')));
  const userHome = join(root, 'user');
  const home = options.home === 'usual' ? join(userHome, '.ipc') : join(root, 'home');
  const directory = join(root, 'project');
  await mkdir(directory);
  const children = new Set<Child>();

  const environment: Readonly<Record<string, string>> = {
    PATH: process.env['PATH'] ?? '',
    HOME: userHome,
    USER: 'tester',
    TZ: 'UTC',
    ...(options.home === 'usual' ? {} : { IPC_HOME: home }),
  };

  const spawn = (command: readonly string[], how: RunOptions): Child => {
    // A session of its own: no terminal of the developer's makes a person of the test.
    const child = Bun.spawn([...command], {
      cwd: how.cwd ?? directory,
      env: { ...environment, ...how.env },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      detached: true,
    });
    children.add(child);
    void child.exited.then(() => children.delete(child));
    return child;
  };

  const finish = async (child: Child, stdin?: string | Uint8Array): Promise<Result> => {
    if (stdin !== undefined) await child.stdin.write(stdin);
    await child.stdin.end();
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, stderr };
  };

  const start = (args: readonly string[], how: RunOptions = {}): Child =>
    spawn([how.binary ?? BINARY, ...args], how);
  const run = (args: readonly string[], how: RunOptions = {}): Promise<Result> =>
    finish(start(args, how), how.stdin);
  const ok = async (args: readonly string[], how: RunOptions = {}): Promise<string> => {
    const { code, stdout, stderr } = await run(args, how);
    if (code !== 0) throw new Error(`ipc ${args.join(' ')} exited ${code}\n${stdout}${stderr}`);
    return stdout;
  };

  return {
    home,
    directory,
    userHome,
    environment,
    run,
    ok,
    start,
    json: async <T>(args: readonly string[], how: RunOptions = {}) =>
      JSON.parse(await ok([...args, '--json'], how)) as T,
    terminal: async (args, how = {}) => {
      const quoted = [how.binary ?? BINARY, ...args]
        .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
        .join(' ');
      return finish(spawn(['script', '-qec', quoted, '/dev/null'], how), how.stdin);
    },
    daemonPid: async () => (JSON.parse(await ok(['daemon', 'status', '--json'])) as { pid: number }).pid,
    [Symbol.asyncDispose]: async () => {
      for (const child of children) child.kill('SIGKILL');
      await run(['daemon', 'stop']);
      const log = await readFile(join(home, 'daemon.log'), 'utf8').catch(() => '');
      // A failure that the table of operations does not name for the operation that failed with it.
      const undeclared = log.split('\n').filter((line) => line.includes(' undeclared '));
      await rm(root, { recursive: true, force: true });
      if (undeclared.length > 0) throw new Error(undeclared.join('\n'));
    },
  };
}

/** Looks again until it holds; there is no other way to wait for another process. */
export async function eventually<T>(look: () => Promise<T | undefined>, within = 10_000): Promise<T> {
  const end = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not seen within ${within} ms`);
    await Bun.sleep(5);
  }
}

/** Lines of a child's stdout, as they come. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const text = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += text.decode(chunk, { stream: true });
    const whole = rest.split('\n');
    rest = whole.pop() ?? '';
    yield* whole;
  }
}
