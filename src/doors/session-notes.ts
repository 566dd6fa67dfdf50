/**
 * What the hooks of one session must remember from one process to the next: when it was greeted, and
 * how often in a row it was made to go on. Small files in the home; what is stale is taken
 * away when the next one is written.
 */
import { readdirSync, statSync } from 'node:fs';
import { makeFolder, readIfThere, removeIfThere, replaceUnsynced } from '../system/files.ts';
import { fileNameFor } from '../system/ids.ts';
import type { Paths } from '../system/paths.ts';

export interface SessionNotes {
  /** Why it was greeted last (startup, resume, clear …), and when. */
  readonly greeted?: { readonly source: string; readonly at: number };
  /** Hand-overs at a stop since a person or a message began the turn. */
  readonly goneOn?: number;
}

/** A waiter lives for a day at most, so nothing that is in use is as old as this. */
const STALE_MS = 2 * 86_400_000;

/** Takes away what sessions that ended without a word have left. */
export function removeStale(folder: string, now: number): void {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now;
    if (now - at > STALE_MS) removeIfThere(path);
  }
}

export function readNotes(paths: Paths, session: string): SessionNotes {
  const text = readIfThere(pathOf(paths, session));
  if (text === undefined) return {};
  try {
    const notes: unknown = JSON.parse(text);
    return typeof notes === 'object' && notes !== null ? notes : {};
  } catch {
    return {};
  }
}

export function writeNotes(
  paths: Paths,
  session: string,
  { notes, now }: { notes: SessionNotes; now: number },
): void {
  makeFolder(paths.hookNotes);
  removeStale(paths.hookNotes, now);
  replaceUnsynced(pathOf(paths, session), `${JSON.stringify(notes)}\n`);
}

function pathOf(paths: Paths, session: string): string {
  return `${paths.hookNotes}/${fileNameFor(session)}`;
}
