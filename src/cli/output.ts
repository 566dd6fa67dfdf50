/**
 * stdout is data, stderr is talk. Data counts as handed over only once the system has taken all of it,
 * so every write is awaited. Colour is decided for each of the two streams by itself (clig.dev,
 * clig.dev), because `ipc who | less` has a terminal on one and a pipe on the other.
 */
import { coloured, plain, type Style } from '../present/style.ts';
import { Failure } from '../protocol/failures.ts';
import { type Environment, variable } from '../system/environment.ts';
import { errorCode } from '../system/files.ts';
import { isTerminal, writeError, writeOut } from '../system/output.ts';
import { stdoutWasClosed } from './lost-output.ts';

export interface Output {
  /** False: the reader is gone (`ipc history | head`), nothing more need be written. Throws `cannot_create` when the disk is full. */
  write(text: string | Uint8Array): Promise<boolean>;
  /** A line of talk on stderr; nothing under --quiet. */
  say(text: string): void;
  /** As `say`, for what should not be missed. */
  warn(text: string): Promise<void>;
  /** What went wrong, on stderr, --quiet or not. */
  complain(text: string): void;
  readonly style: Style;
  readonly errorStyle: Style;
  readonly terminal: { readonly out: () => boolean; readonly error: () => boolean };
  readonly closed: boolean;
  /** There was no stdout to begin with (`ipc check >&-`): nothing may be handed over there. */
  readonly absent: () => boolean;
  readonly quiet: boolean;
}

export interface OutputRules {
  readonly quiet: boolean;
  readonly noColor: boolean;
}

/**
 * A pipe into which nothing was written takes as much without waiting for its reader. Such a first text
 * is written in place: Bun.write starts two threads for it, 0.3 ms. Later ones may meet a full pipe,
 * and whoever waits there must still hear Ctrl-C.
 */
const PIPE_CHARACTERS = 16_384;

export function openOutput(environment: Environment, rules: OutputRules): Output {
  // Asked late and once: for a terminal it costs the load of node:tty, and most commands need but one.
  const terminal = { out: once(() => isTerminal(1)), error: once(() => isTerminal(2)) };
  let closed = false;
  const absent = once(stdoutWasClosed);
  let fresh = true;
  /** Undefined: it has to wait its turn. */
  const atOnce = (text: string | Uint8Array): boolean | undefined => {
    const first = fresh;
    fresh = false;
    return first && typeof text === 'string' && text.length <= PIPE_CHARACTERS ? writeOut(text) : undefined;
  };
  const styleFor = (stream: 'out' | 'error'): Style =>
    colourWanted(environment, { terminal: terminal[stream], noColor: rules.noColor }) ? coloured : plain;
  return {
    write: async (text) => {
      if (text.length === 0) return !closed;
      closed ||= absent();
      if (closed) return false;
      try {
        const taken = atOnce(text);
        closed = taken === false;
        if (taken === undefined) await Bun.write(Bun.stdout, text);
        return !closed;
      } catch (error) {
        if (errorCode(error) !== 'EPIPE') throw unwritable(error);
        closed = true;
        return false;
      }
    },
    say: (text) => {
      if (!rules.quiet) writeError(`${text}\n`);
    },
    warn: async (text) => {
      if (rules.quiet) return;
      const { openTalk } = await import('./talk.ts');
      openTalk().warn(text);
    },
    complain: (text) => void writeError(`${text}\n`),
    get style() {
      return styleFor('out');
    },
    get errorStyle() {
      return styleFor('error');
    },
    terminal,
    absent,
    quiet: rules.quiet,
    get closed() {
      return closed;
    },
  };
}

export function colourWanted(
  environment: Environment,
  stream: { readonly terminal: () => boolean; readonly noColor: boolean },
): boolean {
  if (stream.noColor || variable(environment, 'NO_COLOR') !== undefined) return false;
  if (variable(environment, 'IPC_NO_COLOR') !== undefined) return false;
  const forced = variable(environment, 'FORCE_COLOR');
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return variable(environment, 'TERM') !== 'dumb' && stream.terminal();
}

/** What was asked for may have been done all the same: only its answer is lost. */
function unwritable(cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  return new Failure('cannot_create', `wanted to write the output to stdout, which failed: ${why}`, {
    hint: 'df -h',
    cause,
  });
}

function once<T>(look: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: look() }).value;
}
