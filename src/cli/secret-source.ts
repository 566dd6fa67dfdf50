/** Secrets as they come in: from a file or a pipe; the command line is in the process table and the shell's history. */
import { readFileSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { errorCode, shellWord } from '../system/files.ts';
import { readStdin } from './stdin.ts';

export async function secretFromStdin(verb: string): Promise<string> {
  const piped = await readStdin(verb);
  return 'text' in piped ? piped.text : '';
}

/** Throws `no_such_file`. */
export function secretFromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure('no_such_file', `wanted to read ${path}: ${errorCode(error) ?? String(error)}`, {
      hint: `ls -l ${shellWord(path)}`,
      cause: error,
    });
  }
}
