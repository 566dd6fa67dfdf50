/** Auto-checking as people and models ask for it, at a prompt and over MCP: the same steps and words. */
import {
  LONGEST_MINUTES,
  readAutoCheck,
  SHORTEST_MINUTES,
  USUAL_MINUTES,
  writeAutoCheck,
  type AutoCheck,
} from '../system/auto-check.ts';
import { ago } from '../present/time.ts';
import { Failure } from '../protocol/failures.ts';
import type { Paths } from '../system/paths.ts';

/** What it cannot do; system 000 left people to find out. */
export const IDLE_RULE =
  'An idle session runs no hooks: auto-checking cannot wake it; a monitor or a channel can, and "who" shows whether one is open.';

export type Wish =
  | { readonly action: 'start'; readonly minutes?: number | undefined }
  | { readonly action: 'stop' | 'status' };

/** Does it for this agent; returns what holds from now on. Throws `invalid`. */
export function autoChecking(paths: Paths, agent: string, wish: Wish): AutoCheck {
  switch (wish.action) {
    case 'status':
      return readAutoCheck(paths, agent);
    case 'stop':
      writeAutoCheck(paths, agent, { mode: 'never' });
      return { mode: 'never' };
    case 'start': {
      const rule = { mode: 'every', minutes: allowed(wish.minutes ?? USUAL_MINUTES), lastAt: 0 } as const;
      writeAutoCheck(paths, agent, rule);
      return rule;
    }
  }
}

export function autoCheckWords(rule: AutoCheck, now: number): string {
  switch (rule.mode) {
    case 'always':
      return 'hooks hand over messages at every event';
    case 'never':
      return 'auto-checking is stopped; hooks hand over nothing unasked';
    case 'every':
      return `auto-checking every ${minuteWords(rule.minutes)} while the agent works; ${checkedWords(rule, now)}`;
  }
}

function checkedWords({ lastAt, minutes }: Extract<AutoCheck, { mode: 'every' }>, now: number): string {
  if (lastAt === 0) return 'not checked yet';
  const left = Math.ceil((lastAt + minutes * 60_000 - now) / 60_000);
  const next = left <= 0 ? 'with the next tool it uses' : `in ${minuteWords(left)} at the earliest`;
  return `last check ${ago(new Date(lastAt).toISOString(), now)}, next ${next}`;
}

function minuteWords(minutes: number): string {
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}

function allowed(minutes: number): number {
  if (Number.isInteger(minutes) && minutes >= SHORTEST_MINUTES && minutes <= LONGEST_MINUTES) return minutes;
  throw new Failure(
    'invalid',
    `wanted ${SHORTEST_MINUTES} to ${LONGEST_MINUTES} whole minutes, found ${minutes}`,
    { hint: `ipc autocheck start ${USUAL_MINUTES}` },
  );
}
