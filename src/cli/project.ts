/** What a directory is to the people who work in it: the repository's name and branch, read without git. */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { readIfThere } from '../system/files.ts';

export interface Project {
  readonly project?: string;
  readonly branch?: string;
}

export function projectOf(directory: string): Project {
  for (let folder = directory; ; folder = dirname(folder)) {
    const git = `${folder}/.git`;
    if (existsSync(git)) return { project: basename(folder), ...branchOf(folder, git) };
    if (dirname(folder) === folder) return {};
  }
}

function branchOf(folder: string, git: string): Project {
  try {
    const head = readIfThere(`${gitFolder(folder, git)}/HEAD`) ?? '';
    const branch = /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1];
    return branch === undefined ? {} : { branch };
  } catch {
    // Not ours to read; who asks can do without.
    return {};
  }
}

/** In a worktree `.git` is a file that says where the real one is. */
function gitFolder(folder: string, git: string): string {
  try {
    const pointer = /^gitdir: (.+)$/m.exec(readIfThere(git) ?? '')?.[1];
    return pointer === undefined ? git : resolve(folder, pointer);
  } catch {
    return git;
  }
}
