/** One user of a platform: an empty home with a blank and an umlaut in its path, and the compiled binary. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
  /** In a session of its own, as a terminal's shell is. */
  readonly detached?: true;
}

export type Child = Bun.Subprocess<'pipe', 'pipe', 'pipe'>;

export interface User extends AsyncDisposable {
  readonly ipc: string;
  /** IPC_HOME. */
  readonly home: string;
  /** Where commands run. */
  readonly folder: string;
  spawn(command: readonly string[], options?: RunOptions): Child;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** As `run`; throws when it does not exit 0. Returns stdout. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  json(args: readonly string[], options?: RunOptions): Promise<Record<string, unknown>>;
  status(): Promise<{ readonly pid: number; readonly home: string; readonly socket: string }>;
  log(): Promise<string>;
}

/** What would make a test of the developer's own session. */
const FOREIGN = /^(IPC_.*|CLAUDE.*|CODEX.*|GEMINI.*|.*_SESSION_ID|NO_COLOR|FORCE_COLOR)$/i;

export async function openUser(ipc: string): Promise<User> {
  const root = await mkdtemp(join(tmpdir(), 'ipc plätze-'));
  const home = join(root, 'home');
  const folder = join(root, 'some where');
  await mkdir(folder);
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));

  const spawn = (command: readonly string[], options: RunOptions = {}): Child => {
    const env: Record<string, string> = {};
    const wanted = {
      ...Object.fromEntries(own),
      USER: 'tester',
      IPC_HOME: options.home ?? home,
      ...options.env,
    };
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) env[name] = value;
    return Bun.spawn([...command], {
      cwd: folder,
      env,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      detached: options.detached ?? false,
    });
  };
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    finished(spawn([ipc, ...args], options), options.stdin);
  const ok = async (args: readonly string[], options: RunOptions = {}): Promise<string> => {
    const { code, stdout, stderr } = await run(args, options);
    if (code !== 0) throw new Error(`ipc ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  const json = async (args: readonly string[], options?: RunOptions) =>
    JSON.parse(await ok([...args, '--json'], options)) as Record<string, unknown>;

  return {
    ipc,
    home,
    folder,
    spawn,
    run,
    ok,
    json,
    status: async () => (await json(['daemon', 'status'])) as { pid: number; home: string; socket: string },
    log: () => readFile(join(home, 'daemon.log'), 'utf8').catch(() => ''),
    [Symbol.asyncDispose]: async () => {
      await run(['daemon', 'stop']);
      await rm(root, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
    },
  };
}

export async function finished(child: Child, stdin?: string | Uint8Array): Promise<Ran> {
  if (stdin !== undefined) await child.stdin.write(stdin);
  await child.stdin.end();
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}

export function want(holds: boolean, otherwise: () => string): void {
  if (!holds) throw new Error(otherwise());
}

/** Looks again until it holds: there is no other way to wait for another process. */
export async function eventually(look: () => Promise<boolean>, what: string, within = 20_000): Promise<void> {
  const end = performance.now() + within;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`${what}: not seen within ${within} ms`);
    await Bun.sleep(20);
  }
}
