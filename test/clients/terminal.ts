/** A program on a terminal of its own, as a person would run it: typed at, and read as plain text. */
import { until } from '../support/until.ts';

const ESCAPE = '\u001B';
/** Programs move the cursor over a blank instead of writing it. */
const SKIP = new RegExp(`${ESCAPE}\\[\\d*[CG]`, 'g');

export interface TerminalProgram extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<number>;
  type(text: string): void;
  /** All it drew until now, without the control sequences. */
  screen(): string;
}

export interface TerminalOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export function onTerminal(command: readonly string[], options: TerminalOptions): TerminalProgram {
  let drawn = '';
  const text = new TextDecoder();
  const child = Bun.spawn([...command], {
    cwd: options.cwd,
    env: { ...options.env, TERM: 'xterm-256color' },
    terminal: {
      cols: 200,
      rows: 50,
      data: (terminal, data) => {
        const piece = text.decode(data, { stream: true });
        // Programs ask a terminal what it is and wait for the answer: a plain VT100, cursor at the top.
        if (piece.includes(`${ESCAPE}[c`)) terminal.write(`${ESCAPE}[?1;2c`);
        if (piece.includes(`${ESCAPE}[6n`)) terminal.write(`${ESCAPE}[1;1R`);
        drawn += piece;
      },
    },
  });
  return {
    pid: child.pid,
    exited: child.exited,
    type: (typed) => {
      child.terminal?.write(typed);
    },
    screen: () => Bun.stripANSI(drawn.replaceAll(SKIP, ' ')),
    [Symbol.asyncDispose]: async () => {
      // What it started ends with it only if it may say goodbye.
      child.kill('SIGTERM');
      await until(() => child.exitCode !== null || child.signalCode !== null, 'it to end', 5_000).catch(
        () => undefined,
      );
      child.kill('SIGKILL');
      await child.exited;
      child.terminal?.close();
    },
  };
}
