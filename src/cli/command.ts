/**
 * `--run`: a command's output as a message. It runs in this process's directory with its rights,
 * without a shell unless asked; what it writes goes to the terminal and, apart, into two attachments.
 */
import { Failure } from '../protocol/failures.ts';
import type { StagedAttachment } from '../protocol/model.ts';
import { formatDuration } from '../present/time.ts';
import type { Paths } from '../system/paths.ts';
import { stageStream, unstage } from '../system/staging.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';
import { shellWords } from './shell-words.ts';

const LAST_BYTES = 4_096;
const LAST_LINES = 20;

export interface Ran {
  readonly text: string;
  readonly attachments: readonly StagedAttachment[];
  readonly data: {
    readonly command: string;
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly durationMs: number;
  };
}

export async function ranCommand(call: Call, session: Session, line: string): Promise<Ran> {
  const argv = call.values.on('shell') ? shellOf(call, line) : shellWords(line);
  return captured(session.paths, {
    line,
    argv,
    stdin: 'inherit',
    // With --json stdout is the answer's; a quiet run shows nothing.
    show: async (stream, chunk) => {
      if (call.quiet) return;
      if (stream === 1 && !call.json) await call.output.write(chunk);
      else await Bun.write(Bun.stderr, chunk).catch(() => undefined);
    },
  });
}

export interface Capture {
  readonly line: string;
  readonly argv: readonly string[];
  readonly stdin: 'inherit' | 'ignore';
  readonly directory?: string;
  /** Ends the command, and what it started. */
  readonly signal?: AbortSignal;
  readonly show?: (stream: 1 | 2, chunk: Uint8Array) => Promise<void>;
}

/** Runs a command to its end; what it writes is staged, stdout and stderr apart. */
export async function captured(paths: Paths, wish: Capture): Promise<Ran> {
  const { line, signal } = wish;
  const start = performance.now();
  const child = spawned(wish);
  const stop = (): void => stopGroup(child);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  const tail = lastOutput();
  const show = (stream: 1 | 2) => async (chunk: Uint8Array) => {
    tail.add(chunk);
    await wish.show?.(stream, chunk);
  };
  const [stdout, stderr] = await Promise.all([
    stageStream(paths, passing(child.stdout, show(1))),
    stageStream(paths, passing(child.stderr, show(2))),
  ]);
  await child.exited;
  signal?.removeEventListener('abort', stop);
  if (signal?.aborted === true) {
    for (const staged of [stdout, stderr]) unstage(paths, staged);
    throw new Failure('interrupted', 'the command was ended: the call was cancelled');
  }
  const data = {
    command: line,
    exitCode: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
    durationMs: Math.round(performance.now() - start),
  };
  const attachments: StagedAttachment[] = [];
  for (const [staged, role] of [
    [stdout, 'stdout'],
    [stderr, 'stderr'],
  ] as const) {
    // An empty stream says nothing: the exit code and the absence do.
    if (staged.size === 0) unstage(paths, staged);
    else attachments.push({ ...staged, type: 'text/plain', name: role, role });
  }
  return { text: summary(data, tail.text()), attachments, data };
}

function shellOf({ world }: Call, line: string): string[] {
  const { platform, variables } = world.environment;
  if (platform === 'win32') return [variables['ComSpec'] ?? 'cmd.exe', '/d', '/s', '/c', line];
  return ['/bin/sh', '-c', line];
}

function spawned({ argv, line, stdin, directory, signal }: Capture) {
  try {
    return Bun.spawn([...argv], {
      stdin,
      stdout: 'pipe',
      stderr: 'pipe',
      // Leads a group of its own where somebody may end it: then what it started ends too.
      ...(signal === undefined ? {} : { detached: true }),
      ...(directory === undefined ? {} : { cwd: directory }),
    });
  } catch (error) {
    throw new Failure('no_such_file', `wanted to run ${JSON.stringify(line)}: ${(error as Error).message}`, {
      hint: `command -v ${argv[0] ?? ''}`,
      cause: error,
    });
  }
}

function stopGroup(child: { readonly pid: number; kill(): void }): void {
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    child.kill();
  }
}

async function* passing(
  stream: ReadableStream<Uint8Array>,
  show: (chunk: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    await show(chunk);
    yield chunk;
  }
}

function summary({ command, exitCode, signal, durationMs }: Ran['data'], last: string): string {
  const end = signal === null ? `exit ${exitCode}` : `ended by ${signal}`;
  const head = `$ ${command}\n${end} after ${formatDuration(durationMs / 1_000)}`;
  return last === '' ? head : `${head}\n\n${last}`;
}

/** The last lines of both streams in the order they came. */
function lastOutput(): { add: (chunk: Uint8Array) => void; text: () => string } {
  let kept: Uint8Array = new Uint8Array();
  return {
    add: (chunk) => {
      const all = Buffer.concat([kept, chunk]);
      kept = all.subarray(Math.max(0, all.length - LAST_BYTES));
    },
    text: () => {
      // The cut may have fallen into a character; what begins there is dropped with its line.
      const text = new TextDecoder().decode(kept);
      const lines = text.trimEnd().split('\n');
      if (kept.length === LAST_BYTES && lines.length > 1) lines.shift();
      return lines.slice(-LAST_LINES).join('\n');
    },
  };
}
