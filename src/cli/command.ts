/**
 * `--run`: a command's output as a message. It runs in this process's directory with its rights,
 * without a shell unless asked; what it writes goes to the terminal and, apart, into two attachments.
 */
import { Failure } from '../protocol/failures.ts';
import type { StagedAttachment } from '../protocol/model.ts';
import { formatDuration } from '../present/time.ts';
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
  const start = performance.now();
  const child = spawned(argv, line);
  const tail = lastOutput();
  // With --json stdout is the answer's; a quiet run shows nothing.
  const show = (stream: 1 | 2) => async (chunk: Uint8Array) => {
    tail.add(chunk);
    if (call.quiet) return;
    if (stream === 1 && !call.json) await call.output.write(chunk);
    else await Bun.write(Bun.stderr, chunk).catch(() => undefined);
  };
  const [stdout, stderr] = await Promise.all([
    stageStream(session.paths, passing(child.stdout, show(1))),
    stageStream(session.paths, passing(child.stderr, show(2))),
  ]);
  await child.exited;
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
    if (staged.size === 0) unstage(session.paths, staged);
    else attachments.push({ ...staged, type: 'text/plain', name: role, role });
  }
  return { text: summary(data, tail.text()), attachments, data };
}

function shellOf({ world }: Call, line: string): string[] {
  const { platform, variables } = world.environment;
  if (platform === 'win32') return [variables['ComSpec'] ?? 'cmd.exe', '/d', '/s', '/c', line];
  return ['/bin/sh', '-c', line];
}

function spawned(argv: string[], line: string) {
  try {
    return Bun.spawn(argv, { stdin: 'inherit', stdout: 'pipe', stderr: 'pipe' });
  } catch (error) {
    throw new Failure('no_such_file', `wanted to run ${JSON.stringify(line)}: ${(error as Error).message}`, {
      hint: `command -v ${argv[0] ?? ''}`,
      cause: error,
    });
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
