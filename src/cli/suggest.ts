/** "did you mean …": the nearest of the words that would have been understood. */
import { nearest } from '../system/nearest.ts';

/** A slip of the fingers, else a beginning of a word; undefined when nothing is near. */
export function suggest(wrong: string, known: readonly string[]): string | undefined {
  const lower = wrong.toLowerCase();
  return nearest(lower, known) ?? known.find((word) => lower.length >= 3 && word.startsWith(lower));
}
