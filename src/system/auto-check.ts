/**
 * How often an agent's hooks hand over what waits: at every event when nothing was said, at most every
 * N minutes while it works, or not unasked. One small file an agent, in the home, for its user alone:
 * system 000 kept one for everybody, readable by all (defect D25).
 */
import { makeFolder, readIfThere, removeIfThere, replaceFile, replaceUnsynced } from './files.ts';
import { nameFile } from './name-file.ts';
import type { Paths } from './paths.ts';

export const SHORTEST_MINUTES = 1;
export const LONGEST_MINUTES = 60;
export const USUAL_MINUTES = 5;

export type AutoCheck =
  | { readonly mode: 'always' }
  | { readonly mode: 'every'; readonly minutes: number; readonly lastAt: number }
  | { readonly mode: 'never' };

export function readAutoCheck(paths: Paths, agent: string): AutoCheck {
  const [mode, minutes = '', lastAt = ''] = readIfThere(pathOf(paths, agent))?.trim().split(' ') ?? [];
  if (mode === 'never') return { mode };
  const every = Number(minutes);
  // What somebody else wrote there is as good as nothing.
  if (mode !== 'every' || !(every >= SHORTEST_MINUTES && every <= LONGEST_MINUTES)) return { mode: 'always' };
  return { mode, minutes: every, lastAt: Number(lastAt) || 0 };
}

export function writeAutoCheck(paths: Paths, agent: string, rule: AutoCheck): void {
  const path = pathOf(paths, agent);
  makeFolder(paths.autoCheck);
  switch (rule.mode) {
    case 'always':
      return void removeIfThere(path);
    case 'never':
      return replaceFile(path, 'never\n');
    case 'every':
      return replaceUnsynced(path, `every ${rule.minutes} ${rule.lastAt}\n`);
  }
}

/** After a rename it is the same agent. */
export function moveAutoCheck(paths: Paths, names: { readonly from: string; readonly to: string }): void {
  const rule = readAutoCheck(paths, names.from);
  if (rule.mode !== 'always') writeAutoCheck(paths, names.to, rule);
}

/** Whether a hook may hand over now; while the agent works only as often as it was asked to. */
export function mayHandOver(rule: AutoCheck, { working, now }: { working: boolean; now: number }): boolean {
  switch (rule.mode) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'every':
      // A clock that was set back must not silence it.
      return !working || now - rule.lastAt >= rule.minutes * 60_000 || now < rule.lastAt;
  }
}

function pathOf(paths: Paths, agent: string): string {
  return `${paths.autoCheck}/${nameFile(agent)}`;
}
