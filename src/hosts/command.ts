/**
 * The command that is written into settings: always an absolute path. Programs started from a desktop do
 * not inherit the shell's PATH (Claude Desktop finds no `ipc`), hooks run with whatever PATH the client
 * has, and a bare `ipc` would be whichever comes first on another day. Of the paths that lead to this
 * executable the one on the PATH is written, not what its links resolve to: `~/.local/bin/ipc` survives an
 * update that `…/ipc-1.2.3/bin/ipc` does not. Only a project's files say `ipc`: they are shared with other
 * machines, where every path is another.
 */
import { realpathSync } from 'node:fs';
import { selfCommand, type Environment } from '../system/environment.ts';
import { shellWord } from '../system/files.ts';
import { variable } from '../system/environment.ts';
import { programsOnPath } from '../system/programs.ts';
import type { Json } from './json-edit.ts';
import type { Program, Scope, Wish } from './host.ts';

export function ownProgram(environment: Environment, scope: Scope): Program {
  const [command = 'ipc', ...args] = selfCommand();
  // Run from its source: there is no executable of ours to name.
  if (args.length > 0) return { command, args };
  const onPath = programsOnPath(environment, 'ipc').find((path) => real(path) === real(command));
  if (scope === 'project') return { command: 'ipc', args };
  return { command: onPath ?? command, args };
}

/** The server's entry as most clients have it. */
export function serverEntry(wish: Wish): {
  readonly command: string;
  readonly args: string[];
  readonly env?: Json;
} {
  const { command, args } = wish.program;
  const env = forwarded(wish);
  return {
    command,
    args: [...args, 'mcp', ...asWords(wish), ...wish.server],
    ...(Object.keys(env).length === 0 ? {} : { env }),
  };
}

function asWords({ as }: Wish): readonly string[] {
  return as === undefined ? [] : ['--as', as];
}

/** A home elsewhere must be told: clients hand their servers a scrubbed environment. */
export function forwarded({ environment, paths, scope }: Wish): Readonly<Record<string, string>> {
  if (scope === 'project' || variable(environment, 'IPC_HOME') === undefined) return {};
  return { IPC_HOME: paths.home };
}

/** A hook's command as words, for clients that run it without a shell. */
export function hookWords(wish: Wish, ...words: readonly string[]): readonly [string, ...string[]] {
  const { command, args } = wish.program;
  // The first hook may run before the server: the name is told to both, and the session's own goes first.
  const named = words[0] === 'hook' ? asWords(wish) : [];
  const line = [command, ...args, ...words, ...named] as const;
  const env = Object.entries(forwarded(wish)).map(([name, value]) => `${name}=${value}`);
  // Windows has no env(1): there the variable has to be one of the user's own (`setx IPC_HOME …`).
  if (env.length === 0 || wish.environment.platform === 'win32') return line;
  return ['/usr/bin/env', ...env, ...line];
}

/** The same as one line for the client's shell. */
export function hookLine(wish: Wish, ...words: readonly string[]): string {
  const quote = wish.environment.platform === 'win32' ? windowsWord : shellWord;
  return hookWords(wish, ...words)
    .map(quote)
    .join(' ');
}

/** In double quotes for cmd.exe and for Git's bash alike, hence with forward slashes. */
function windowsWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(word) ? word : `"${word.replaceAll('\\', '/')}"`;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
