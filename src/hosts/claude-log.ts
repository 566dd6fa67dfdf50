/** Why Claude Code last dropped a channel's pushes: it says so in its debug log and nowhere else. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { Place } from './host.ts';
import { ownFolder } from './places.ts';

const SKIPPED = /Channel notifications skipped: (.+)/g;
/** Logs grow by the megabyte, and the line comes when the server connects or fails to. */
const MAX_BYTES = 8_000_000;

/** Of the newest log only: an older one speaks of another start. */
export function channelSkipped({
  environment,
}: Place): { readonly log: string; readonly why: string } | undefined {
  const folder = `${ownFolder(environment, '.claude', 'CLAUDE_CONFIG_DIR')}/debug`;
  if (!existsSync(folder)) return undefined;
  const logs = readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => ({
      path: `${folder}/${name}`,
      facts: statSync(`${folder}/${name}`, { throwIfNoEntry: false }),
    }))
    .filter(({ facts }) => facts?.isFile() === true)
    .toSorted((left, right) => (right.facts?.mtimeMs ?? 0) - (left.facts?.mtimeMs ?? 0));
  const newest = logs[0];
  if (newest === undefined || (newest.facts?.size ?? 0) > MAX_BYTES) return undefined;
  const why = [...readFileSync(newest.path, 'utf8').matchAll(SKIPPED)].at(-1)?.[1];
  return why === undefined ? undefined : { log: newest.path, why: why.trim() };
}
