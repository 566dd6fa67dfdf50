/** A program on a terminal of its own, as a person would run it: typed at, and read as plain text. */
import { until } from '../support/until.ts';

const ESCAPE = '\u001B';
/** Programs move the cursor over a blank instead of writing it. */
const SKIP = new RegExp(`${ESCAPE}\\[\\d*[CG]`, 'g');

export interface TerminalProgram extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<number>;
  /** Types it and presses Enter, once the program has shown what was typed. */
  prompt(text: string): Promise<void>;
  /** Waits until it draws this, after so many characters of `screen()`. */
  shows(text: string, from?: number): Promise<void>;
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
  const screen = (): string => Bun.stripANSI(drawn.replaceAll(SKIP, ' '));
  const shows = async (wanted: string, from = 0): Promise<void> => {
    const seen = (): boolean => screen().slice(from).includes(wanted);
    await until(seen, `${command[0]} to show ${JSON.stringify(wanted)}`, 20_000).catch((error: unknown) => {
      throw new Error(`${String(error)}; its screen:\n${screen().slice(-4_000)}`);
    });
  };
  const type = (typed: string): void => {
    child.terminal?.write(typed);
  };
  return {
    pid: child.pid,
    exited: child.exited,
    prompt: async (typed) => {
      const from = screen().length;
      type(typed);
      await shows(typed.split(' ').at(-1) ?? typed, from);
      type('\r');
    },
    shows,
    screen,
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
