/**
 * Values out of a payload by path, `pull_request.user.login` or `commits.0.id`; own properties only, so
 * that no payload reaches what it did not bring along. Text of strangers becomes one line, or quoted
 * lines, so that none of it can pass for a line of ours.
 */
import { visible, visibleLine } from '../../present/escape.ts';
import type { Json } from '../../protocol/model.ts';

export function at(json: Json | undefined, path: string): Json | undefined {
  let found = json;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, Json>>)[key];
  }
  return found;
}

export function listAt(json: Json | undefined, path: string): readonly Json[] {
  const found = at(json, path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

/** The text there, as it came; undefined for nothing, an empty text, or what is no plain value. */
export function textAt(json: Json | undefined, path?: string): string | undefined {
  const found = path === undefined ? json : at(json, path);
  if (typeof found === 'string') return found === '' ? undefined : found;
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : undefined;
}

/** On one line, cut to a length. */
export function oneLine(text: string, most = 200): string {
  // What is far beyond the cut need not be looked at.
  const line = visibleLine(
    text
      .slice(0, most * 4)
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
  const characters = Array.from(line);
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line;
}

const QUOTED_LINES = 20;
const QUOTED_CHARACTERS = 1_500;

/** The first lines, each behind `> `. */
export function quoted(text: string): string {
  const start = text.slice(0, QUOTED_CHARACTERS).toWellFormed();
  const lines = visible(start.replaceAll('\r\n', '\n').trim()).split('\n');
  const shown = lines.slice(0, QUOTED_LINES).map((line) => `> ${line}`.trimEnd());
  const whole = lines.length <= QUOTED_LINES && text.length <= QUOTED_CHARACTERS;
  return [...shown, ...(whole ? [] : ['> …'])].join('\n');
}
