/**
 * A long life (design §4, §6): much mail, many names, sessions that only stay and sessions that come and go, and a
 * day's timers. Time's work stalls nobody for long, and nothing grows but what is stored.
 */
import type { Attack, Figures } from '../attack.ts';
import { growOld } from './life-daemon.ts';
import { liveThrough } from './life-day.ts';

const SIZES = {
  short: { messages: 4_000, names: 400, idle: 60, comings: 400 },
  long: { messages: 1_000_000, names: 10_000, idle: 1_000, comings: 100_000 },
} as const;

export const longLife: Attack = {
  name: 'long-life',
  promise:
    'a day of timers, many names and sessions that come and go hold nobody up, and nothing is left of them',
  missing: () => (process.platform === 'linux' ? undefined : 'no /proc'),
  shortMs: 120_000,
  run: async ({ form, seed, say }): Promise<Figures> => {
    const life = { ...SIZES[form], seed, say };
    return { ...(await liveThrough(life)), ...(await growOld(life)) };
  },
};
