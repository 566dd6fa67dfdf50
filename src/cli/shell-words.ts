/** A command line split as a POSIX shell would, quotes honoured, nothing expanded: `--run "bun test"`. */
import { Failure } from '../protocol/failures.ts';

/** What only a shell can do; without quotes around it, asking for one is the honest answer. */
const NEEDS_SHELL = /[|&;<>()$`*?]/;

/**
 * Throws `invalid` for an open quote and for what would need a shell. On Windows a backslash parts folders
 * and stays, as its own programs read it; only before a quote does it take the quote's meaning away.
 */
export function shellWords(command: string, platform: NodeJS.Platform = process.platform): string[] {
  const windows = platform === 'win32';
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  const open = (): string => word ?? '';
  while (at < command.length) {
    const character = command[at] ?? '';
    at += 1;
    if (/[ \t\n]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (character === "'") {
      const end = command.indexOf("'", at);
      if (end === -1) throw unclosed(command, "'");
      word = open() + command.slice(at, end);
      at = end + 1;
      continue;
    }
    if (character === '"') {
      const quoted = doubleQuoted(command, at, windows ? /"/ : /["\\$`]/);
      word = open() + quoted.text;
      at = quoted.end;
      continue;
    }
    if (character === '\\' && !(windows && command[at] !== '"')) {
      const next = command[at];
      if (next === undefined) throw unclosed(command, '\\');
      // A backslash before a newline joins two lines.
      word = next === '\n' ? word : open() + next;
      at += 1;
      continue;
    }
    if (NEEDS_SHELL.test(character)) throw needsShell(command, character);
    word = open() + character;
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new Failure('invalid', 'wanted a command after --run, found nothing');
  return words;
}

function doubleQuoted(command: string, start: number, escaped: RegExp): { text: string; end: number } {
  let text = '';
  for (let at = start; at < command.length; at += 1) {
    const character = command[at] ?? '';
    if (character === '"') return { text, end: at + 1 };
    if (character === '$' || character === '`') throw needsShell(command, character);
    if (character !== '\\') {
      text += character;
      continue;
    }
    at += 1;
    const next = command[at] ?? '';
    if (next === '\n') continue;
    text += escaped.test(next) ? next : `\\${next}`;
  }
  throw unclosed(command, '"');
}

function unclosed(command: string, what: string): Failure {
  return new Failure(
    'invalid',
    `wanted a whole command, found ${what} left open in ${JSON.stringify(command)}`,
  );
}

function needsShell(command: string, what: string): Failure {
  return new Failure(
    'invalid',
    `wanted a plain command, found ${what} in ${JSON.stringify(command)}, which needs a shell`,
    { hint: 'ipc send <name> --shell --run <command>' },
  );
}
